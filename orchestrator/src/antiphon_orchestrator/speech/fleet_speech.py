"""The Speech port over a fleet of workers: routes each utterance, tries another worker while nothing was heard."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from antiphon_core.audio import Frame, PcmFormat
from antiphon_core.errors import AntiphonError, Draining, EngineFailed, EngineStalled, Full, WorkerGone
from antiphon_core.registry.base import Fleet
from antiphon_core.utterance import Start, SynthesisEvent

from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.router import PickTwo, Route, Wanted, route

_ANOTHER_MAY_DO = (WorkerGone, Draining, Full, EngineFailed, EngineStalled)
_REMEMBERED_SESSIONS = 10_000


def pick_two_at_random(count: int) -> tuple[int, int]:
    """Two different places among `count`."""
    first, second = random.sample(range(count), 2)
    return first, second


class FleetSpeech:
    """Speaks through whichever worker is best; a session keeps its worker while that one has room."""

    def __init__(
        self,
        fleet: Fleet,
        client: SpeechClient,
        pick_two: PickTwo = pick_two_at_random,
        on_failover: Callable[[], None] = lambda: None,
    ) -> None:
        self._fleet = fleet
        self._client = client
        self._pick_two = pick_two
        self._on_failover = on_failover
        self._in_flight: Counter[str] = Counter()
        self._kept: OrderedDict[str, str] = OrderedDict()

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SynthesisEvent, None]:
        """See `ports.Speech`."""
        failures: dict[str, AntiphonError] = {}
        while True:
            chosen = self._route(choice, session_id, failures)
            start = Start(
                utterance_id=utterance_id,
                session_id=session_id,
                turn_id=turn_id,
                voice=chosen.voice,
                language=choice.language,
                format=PcmFormat(choice.rate_hz),
                speed=choice.speed,
                options=choice.options,
            )
            heard = False
            try:
                async with aclosing(self._speak_on(chosen.record.address, start, text)) as events:
                    async for event in events:
                        heard = heard or isinstance(event, Frame)
                        yield event
                return
            except _ANOTHER_MAY_DO as error:
                if heard:
                    raise
                failures[chosen.record.address] = error
                self._on_failover()

    def in_flight(self) -> dict[str, float]:
        """How many utterances each worker speaks for us."""
        return {address: count for address, count in self._in_flight.items() if count}

    def _route(self, choice: VoiceChoice, session_id: str, failures: dict[str, AntiphonError]) -> Route:
        try:
            chosen = route(
                self._fleet.workers(),
                Wanted(choice.voice, choice.language),
                self._in_flight,
                self._pick_two,
                keep=self._kept.get(session_id, ""),
                avoid=frozenset(failures),
            )
        except AntiphonError:
            for failure in failures.values():  # what the first worker said tells more than that no other is left
                raise failure from None
            raise
        self._keep(session_id, chosen.record.address)
        return chosen

    async def _speak_on(self, address: str, start: Start, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        self._in_flight[address] += 1
        try:
            async with aclosing(self._client.speak(address, start, text)) as events:
                async for event in events:
                    yield event
        finally:
            self._in_flight[address] -= 1

    def _keep(self, session_id: str, address: str) -> None:
        if session_id:
            self._kept[session_id] = address
            self._kept.move_to_end(session_id)
            if len(self._kept) > _REMEMBERED_SESSIONS:
                self._kept.popitem(last=False)
