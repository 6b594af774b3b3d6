"""The Speech port over a fleet of workers: routes each utterance, and has another worker go on where one fails."""

from __future__ import annotations

import random
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import structlog
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_core.errors import AntiphonError, Draining, EngineFailed, EngineStalled, Full, WorkerGone, condition
from antiphon_core.registry.base import Fleet, WorkerRecord
from antiphon_core.spans import NO_SPAN, Span, current_span
from antiphon_core.utterance import Finished, Start, SynthesisEvent

from antiphon_orchestrator.ports import SpeechEvent, VoiceChoice
from antiphon_orchestrator.speech.breaker import Breaker
from antiphon_orchestrator.speech.client import Patience, SpeechClient
from antiphon_orchestrator.speech.judge import Wanted
from antiphon_orchestrator.speech.policies import Rules
from antiphon_orchestrator.speech.progress import Progress
from antiphon_orchestrator.speech.router import PickTwo, Route, Router, Situation
from antiphon_orchestrator.speech.warmup import WarmUp

log = structlog.get_logger(__name__)

ANOTHER_MAY_DO = (WorkerGone, Draining, Full, EngineFailed, EngineStalled)
"""Conditions of a worker, not of what it was asked."""
MOST_TRIES = 4
"""At one place of a text: what breaks every engine must not be carried round the whole fleet."""
_REMEMBERED_SESSIONS = 10_000
_SPARE_CHANNELS = 16
_LOAD_S = 120.0
_AT_ONCE_S = 3.0
_SO_MUCH_LONGER = 10


def pick_two_at_random(count: int) -> tuple[int, int]:
    """Two different places among `count`."""
    first, second = random.sample(range(count), 2)
    return first, second


@dataclass(slots=True)
class _Attempt:
    """One utterance on its way over the workers."""

    text: str
    choice: VoiceChoice
    start: Start
    progress: Progress
    failures: dict[tuple[str, str], AntiphonError] = field(default_factory=dict)
    """Where the text is now, by address and incarnation: who was started again may try again."""
    tries: int = 0
    """How many of those may have failed because of the text, or have no room for it."""
    started: bool = False
    """Whether the worker that speaks now has taken the text."""
    span: Span = NO_SPAN

    def failed(self, record: WorkerRecord, error: AntiphonError) -> None:
        """Another one is to go on. Who failed at an earlier place may do better here."""
        place = self.progress.handover.text_offset
        self.progress.next_worker()
        if self.progress.handover.text_offset > place:
            self.failures.clear()
            self.tries = 0
        self.failures[_incarnated(record)] = error
        self.tries += self.started or not isinstance(error, (WorkerGone, Draining))
        self.started = False


class FleetSpeech:
    """Speaks through whichever worker is best; a session keeps its worker while that one has room."""

    def __init__(
        self,
        fleet: Fleet,
        client: SpeechClient,
        pick_two: PickTwo = pick_two_at_random,
        on_failover: Callable[[str], None] = lambda _: None,
        rules: Rules | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fleet = fleet
        self._client = client
        self._pick_two = pick_two
        self._on_failover = on_failover
        self._router = Router(rules)
        self._patience = patience or Patience()
        self._clock = clock
        self._breaker = Breaker()
        self._warm_up = WarmUp(client, clock)
        self._in_flight: Counter[str] = Counter()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._speaking: Counter[str] = Counter()

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SpeechEvent, None]:
        """See `ports.Speech`."""
        audio = PcmFormat(choice.rate_hz)
        start = Start(
            utterance_id=utterance_id,
            session_id=session_id,
            turn_id=turn_id,
            language=choice.language,
            format=audio,
            speed=choice.speed,
            options=choice.options,
        )
        attempt = _Attempt(text, choice, start, Progress(text, audio))
        with current_span.get().child("utterance", utterance=utterance_id, voice=choice.voice) as attempt.span:
            while True:
                route = self._route(attempt)
                try:
                    async with aclosing(self._speak_through(route, attempt)) as events:
                        async for event in events:
                            yield event
                    self._breaker.succeeded(route.record)
                    return
                except ANOTHER_MAY_DO as error:
                    self._note_failure(route, attempt, error)
                    attempt.failed(route.record, error)

    def in_flight(self) -> dict[str, float]:
        """How many utterances each worker speaks for us."""
        return {address: count for address, count in self._in_flight.items() if count}

    def idle_workers(self, choice: VoiceChoice) -> int:
        """How many could speak a further sentence without keeping anybody waiting; 0 where there is only one at all."""
        fleet = self._fleet.workers()
        now = Situation(self._in_flight, resting=self._breaker.resting(fleet, self._clock()))
        return self._router.idle_workers(fleet, Wanted(choice.voice, choice.language), now)

    def route_by(self, rules: Rules) -> None:
        """For every sentence from now on."""
        self._router.rules = rules

    def resting(self) -> frozenset[str]:
        """Addresses of workers that failed lately and get nothing for a while."""
        return self._breaker.resting(self._fleet.workers(), self._clock())

    async def close(self) -> None:
        """Ends what runs beside utterances, and every connection."""
        await self._warm_up.close()
        await self._client.close()

    # ---------------------------------------------------------------------- helpers

    def _route(self, attempt: _Attempt) -> Route:
        with attempt.span.child("routing") as span:
            route = self._routed(attempt)
            span.set(worker=route.record.description.worker, voice=route.voice)
            return route

    def _routed(self, attempt: _Attempt) -> Route:
        fleet, session_id = self._fleet.workers(), attempt.start.session_id
        if session_id in self._speaking:  # a further sentence of it, made ahead: wherever there is room
            session_id = ""
        now = Situation(
            self._in_flight,
            keep=self._kept.get(session_id, ""),
            avoid={record.address for record in fleet if _incarnated(record) in attempt.failures},
            resting=self._breaker.resting(fleet, self._clock()),
        )
        try:
            if attempt.tries >= MOST_TRIES:
                raise Full("enough workers have tried")
            decision = self._router.decide(
                fleet, Wanted(attempt.choice.voice, attempt.choice.language), now, self._pick_two
            )
        except AntiphonError:
            for failure in attempt.failures.values():  # what the first said tells more than that no other is left
                raise failure from None
            raise
        if decision.warm is not None:
            self._warm_up.begin(decision.warm)
        if self._client.channels > len(fleet) + _SPARE_CHANNELS:
            self._client.keep({record.address for record in fleet} | self.in_flight().keys())
        self._keep(session_id, decision.route.record.address)
        return decision.route

    async def _speak_through(self, route: Route, attempt: _Attempt) -> AsyncGenerator[SpeechEvent, None]:
        """One worker's part. Where it goes on for another one, that is told before its first sound."""
        progress, address = attempt.progress, route.record.address
        handover = progress.handover if progress.begun else None
        start = replace(attempt.start, voice=route.voice)
        session_id = attempt.start.session_id
        self._in_flight[address] += 1
        self._speaking[session_id] += 1
        name = route.record.description.worker
        try:
            with (
                attempt.span.child(
                    "worker", worker=name, address=address, text_offset=progress.handover.text_offset
                ) as span,
                span.child("first_frame") as first_frame,
            ):
                patience = patience_with(route, self._patience)
                speaking = self._client.speak(route.record, start, progress.rest, patience, span.headers())
                async with aclosing(speaking) as events:
                    async for event in events:
                        attempt.started = True
                        if isinstance(event, Frame):
                            first_frame.end()
                        if handover is not None:
                            if not isinstance(event, Frame | TextMark):
                                continue
                            yield handover
                            handover = None
                        yield _placed(event, progress)
        finally:
            self._in_flight[address] -= 1
            self._speaking[session_id] -= 1
            if not self._speaking[session_id]:
                del self._speaking[session_id]

    def _note_failure(self, route: Route, attempt: _Attempt, error: AntiphonError) -> None:
        self._breaker.failed(route.record, error, self._clock())
        self._on_failover(condition(error))
        log.warning(
            "worker failed an utterance",
            worker=route.record.description.worker,
            address=route.record.address,
            utterance=attempt.start.utterance_id,
            condition=condition(error),
            reason=error.message,
            heard=attempt.progress.begun,
        )

    def _keep(self, session_id: str, address: str) -> None:
        if session_id:
            self._kept[session_id] = address
            self._kept.move_to_end(session_id)
            if len(self._kept) > _REMEMBERED_SESSIONS:
                self._kept.popitem(last=False)


def _incarnated(record: WorkerRecord) -> tuple[str, str]:
    return record.address, record.description.incarnation


def patience_with(route: Route, patience: Patience) -> Patience:
    """One that has the model in memory and a free place begins at once, or it hangs."""
    started_s = patience.started_s
    if not route.resident:
        started_s = max(started_s, _LOAD_S)
    elif route.busy < 1:
        started_s = min(started_s, _AT_ONCE_S)
    first_s = patience.first_s
    if usual_ms := route.record.description.load.first_audio_p50_ms:
        first_s = min(first_s, max(_AT_ONCE_S, _SO_MUCH_LONGER * usual_ms / 1000))
    return replace(patience, started_s=started_s, first_s=first_s)


def _placed(event: SynthesisEvent, progress: Progress) -> SynthesisEvent:
    """The event as part of the whole utterance."""
    if isinstance(event, Frame):
        return progress.frame(event)
    if isinstance(event, TextMark):
        return progress.mark(event)
    if isinstance(event, Finished):
        return replace(event, samples=progress.speech_samples)
    return event
