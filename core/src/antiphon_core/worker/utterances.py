"""Utterances: one Synthesize stream each, from its Start to its Finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from structlog.contextvars import bind_contextvars

from antiphon_core.audio import FRAME_MS, Frame, PcmFormat
from antiphon_core.errors import AntiphonError, BadRequest, EngineStalled, condition
from antiphon_core.models import ModelInfo, SpeechRequest
from antiphon_core.spans import NO_SPAN, current_span
from antiphon_core.utterance import Reason, Start, Started, SynthesisEvent, UtteranceMessage
from antiphon_core.wire.rpc import LOOKAHEAD_BYTES
from antiphon_core.wire.servicer import Send
from antiphon_core.worker.admission import Admission
from antiphon_core.worker.audio_path import AudioPath
from antiphon_core.worker.feed import Feed
from antiphon_core.worker.outbox import Outbox
from antiphon_core.worker.pull import Pull
from antiphon_core.worker.report import Report
from antiphon_core.worker.requests import Requests, ids_of
from antiphon_core.worker.resident import Lease
from antiphon_core.worker.residents import Residents
from antiphon_core.worker.stopwatch import Stopwatch
from antiphon_core.worker.trim import TrimSettings
from antiphon_core.worker.voices import Speaker, choose_speaker
from antiphon_core.worker.watch import Watch


@dataclass(frozen=True, slots=True)
class UtteranceLimits:
    """What one utterance may ask of the worker, and how it is treated."""

    max_text_bytes: int
    lead_ms: int
    stall_s: float
    client_idle_s: float
    level: bool
    trim: TrimSettings
    log_text: bool

    def lead_events(self, pcm_format: PcmFormat) -> int:
        """How much may wait in the outbox: a part of the lead is what the connection itself holds."""
        in_connection = LOOKAHEAD_BYTES // pcm_format.frame_bytes
        return max(1, self.lead_ms // FRAME_MS - in_connection)


@dataclass(frozen=True, slots=True)
class Stage:
    """What every utterance of a worker needs."""

    worker: str
    default_model: str
    residents: Residents
    admission: Admission
    limits: Callable[[], UtteranceLimits]
    stalled: Callable[[str], None]
    """Told the model whose engine hangs."""

    def choose(self, start: Start) -> Speaker:
        return choose_speaker(start, self.residents.models, self.default_model)


class Utterance:
    """Sends events until the engine is done, the client stops it, or something goes wrong.

    Place and lease are given back when the engine has let go, which may be after the stream has ended.
    """

    def __init__(self, stage: Stage, messages: AsyncIterator[UtteranceMessage], send: Send) -> None:
        self.report = Report()
        self._stage = stage
        self._send = send
        self._span = current_span.get()
        self._synthesis = self._first_chunk = NO_SPAN
        self._limits = stage.limits()
        self._engine = Stopwatch(time.monotonic)
        self._client = Stopwatch(time.monotonic)
        """Runs while the client is waited for, to read or to resume."""
        self._outbox = Outbox()
        self._feed = Feed()
        self._requests = Requests(
            messages,
            stage.choose,
            self._feed,
            self._end,
            max_text_bytes=self._limits.max_text_bytes,
            log_text=self._limits.log_text,
        )
        self._held = ExitStack()
        self._admitting: asyncio.Future[Lease] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._pull: Pull | None = None
        self._pulling: asyncio.Future[None] | None = None
        self._abandoned: AntiphonError | None = None

    async def run(self) -> None:
        watch = Watch(
            self._limits.client_idle_s, lambda: max(self._client.running_s, self._requests.silent_s), self._abandon
        )
        try:
            await self._speak(*await self._requests.opened)
        except AntiphonError as error:
            self.report.outcome = condition(error)
            raise
        finally:
            watch.stop()
            self._end(None)
            self._held.close()
            self._measure()
            self._tell_span()
            await self._requests.close()

    async def _speak(self, start: Start, speaker: Speaker) -> None:
        bind_contextvars(**ids_of(start))
        self._span.set(**ids_of(start))
        self.report.begin(start, speaker)
        asked_s = time.monotonic()
        lease = await self._admit(speaker)
        self.report.queue_ms = (time.monotonic() - asked_s) * 1000
        reason = Reason.STOPPED
        if lease is not None:
            self._begin(lease, start, speaker)
            await self._give(Started(self._stage.worker, speaker.model.id, speaker.public_id, start.format))
            reason = await self._pass_on()
        self._measure()
        await self._give(self.report.finished(reason))
        self.report.outcome = reason.value

    async def _admit(self, speaker: Speaker) -> Lease | None:
        """A place, and the model in memory; None if the client stopped the utterance before."""
        if not self._outbox.closed:
            self._admitting = asyncio.ensure_future(self._enter(speaker))
            try:
                return await self._admitting
            except asyncio.CancelledError:
                if not self._outbox.closed:
                    raise
            finally:
                self._admitting = None
        await self._outbox.take()  # raises what the client did wrong, if it did
        return None

    async def _enter(self, speaker: Speaker) -> Lease:
        model = speaker.model
        with self._span.child("queue"):
            place = await self._stage.admission.enter(model.id, model.max_concurrency)
        self._held.callback(place.release)
        with self._span.child("load"):
            lease = await self._stage.residents.lease(model.id)
        self._held.callback(lease.release)
        return lease

    def _begin(self, lease: Lease, start: Start, speaker: Speaker) -> None:
        """Starts the engine. From here on its end frees what is held, not ours."""

        def ask(text: str) -> SpeechRequest:
            return SpeechRequest(text, speaker.voice.id, speaker.language, start.speed, start.seed, start.options)

        def stalled() -> None:
            self._end(_stalled(speaker.model, self._limits.stall_s))
            self._stage.stalled(speaker.model.id)

        self._synthesis = self._span.child("synthesis")
        self._first_chunk = self._synthesis.child("first_chunk")
        self._outbox.limit = self._limits.lead_events(start.format)
        gain_db = lease.resident.gain_db(speaker.voice.id) if self._limits.level else 0.0
        path = AudioPath(start.format, self._limits.trim, gain_db)
        self._pull = Pull(lease.model, ask, self._feed, path, self._outbox, self._engine)
        held = self._held.pop_all()
        held.callback(Watch(self._limits.stall_s, lambda: self._engine.running_s, stalled).stop)
        self._pulling = lease.slot.run(self._pull.run)
        self._pulling.add_done_callback(lambda _: held.close())
        self._requests.expect_text()

    async def _pass_on(self) -> Reason:
        """Sends what the engine makes, until the end of it."""
        try:
            while (event := await self._outbox.take()) is not None:
                self._first_chunk.end()
                if await self._wait_for_go():
                    await self._give(event)
                    if isinstance(event, list):
                        self.report.samples += sum(frame.speech_samples for frame in event)
        except AntiphonError as error:
            self._synthesis.end(condition(error))
            await self._engine_let_go()
            raise
        await self._engine_let_go()
        return Reason.STOPPED if self._outbox.closed else Reason.COMPLETE

    async def _engine_let_go(self) -> None:
        """Where the engine has come to its end: its place is free before the client hears of it and comes again."""
        if self._pulling is not None and not self._outbox.closed:
            await asyncio.wait({self._pulling})

    async def _wait_for_go(self) -> bool:
        """Waits while the client pauses. False if it wants no more instead of going on."""
        if not self._requests.go.is_set():
            self._client.start()
            await self._requests.go.wait()
            self._client.stop()
        return not self._outbox.closed

    async def _give(self, event: SynthesisEvent | list[Frame]) -> None:
        self._client.start()
        self._sending = asyncio.current_task()
        try:
            await self._send(event)
        except asyncio.CancelledError:
            if self._abandoned is None:
                raise
            raise self._abandoned from None
        finally:
            self._sending = None
            self._client.stop()

    def _end(self, failure: AntiphonError | None) -> None:
        """No more audio is wanted: the client stopped it, or this failure did."""
        self._outbox.close(failure)
        self._feed.cut()
        self._requests.go.set()
        if self._admitting is not None:
            self._admitting.cancel()

    def _abandon(self) -> None:
        """Gives up on a client that neither reads nor writes, so that it does not keep a place for ever."""
        self._abandoned = BadRequest(
            f"the client neither read nor sent what was due for {self._limits.client_idle_s:g} s; send start, and "
            "text until the one with last set, and read all events",
            subject="client_idle_s",
        )
        self._requests.give_up(self._abandoned)
        self._end(self._abandoned)
        if self._sending is not None:
            self._sending.cancel()

    def _tell_span(self) -> None:
        report = self.report
        self._first_chunk.end()
        self._synthesis.end()
        self._span.set(
            worker=self._stage.worker,
            model=report.model,
            voice=report.voice,
            outcome=report.outcome,
            audio_s=report.audio_s,
            text_chars=report.text_chars,
        )

    def _measure(self) -> None:
        self.report.text_chars = self._requests.text_chars
        self.report.synth_ms = self._engine.total_s * 1000
        self.report.first_audio_ms = self._pull.first_audio_s * 1000 if self._pull else 0.0


def _stalled(model: ModelInfo, stall_s: float) -> EngineStalled:
    return EngineStalled(
        f"the engine of model {model.id!r} gave nothing for {stall_s:g} s; this worker gives up, ask another one",
        subject=model.id,
    )
