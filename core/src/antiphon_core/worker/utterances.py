"""Utterances: one Synthesize stream each, from its Start to its Finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from antiphon_core.audio import FRAME_MS
from antiphon_core.errors import AntiphonError
from antiphon_core.models import SpeechRequest
from antiphon_core.utterance import Control, Finished, Reason, Start, Started, SynthesisEvent, Text, UtteranceMessage
from antiphon_core.worker.admission import Admission
from antiphon_core.worker.audio_path import AudioPath
from antiphon_core.worker.feed import Feed
from antiphon_core.worker.outbox import Outbox
from antiphon_core.worker.pull import Pull
from antiphon_core.worker.resident import Lease
from antiphon_core.worker.residents import Residents
from antiphon_core.worker.script import Script, is_speakable
from antiphon_core.worker.sentences import Sentences
from antiphon_core.worker.stopwatch import Stopwatch
from antiphon_core.worker.text import clean_text
from antiphon_core.worker.voices import Speaker, choose_speaker

HEAR_OUT_S = 0.05
"""How long a client that has not ended its requests may still be writing some."""

Send = Callable[[SynthesisEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class UtteranceLimits:
    """What one utterance may ask of the worker."""

    max_text_bytes: int
    lead_ms: int
    stall_s: float
    client_idle_s: float


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


class Utterance:
    """Reads requests and sends events until one of them ends it. Leases end when the engine has let go."""

    def __init__(self, stage: Stage, messages: AsyncIterator[UtteranceMessage], send: Send) -> None:
        self._stage = stage
        self._messages = messages
        self._send = send
        self._limits = stage.limits()
        self._script = Script(self._limits.max_text_bytes)
        self._stopwatch = Stopwatch(time.monotonic)
        self._feed = Feed(self._stopwatch)
        self._outbox = Outbox(max(1, self._limits.lead_ms // FRAME_MS))
        self._go = asyncio.Event()
        self._go.set()
        self._reason = Reason.COMPLETE
        self._started: asyncio.Future[Start] = asyncio.get_running_loop().create_future()
        self._admitting: asyncio.Future[Lease] | None = None
        self._held = ExitStack()
        self._sentences = Sentences()

    async def run(self) -> None:
        reading = asyncio.create_task(self._read(), name="read-utterance")
        try:
            await self._speak(await self._started)
        finally:
            self._end()
            self._held.close()
            await _heard_out(reading)

    # What the client asks.

    async def _read(self) -> None:
        try:
            async for message in self._messages:
                self._obey(self._script.accept(message))
            self._script.end()
        except AntiphonError as error:
            self._end(error)
            async for _ in self._messages:
                pass

    def _obey(self, message: UtteranceMessage) -> None:
        if isinstance(message, Start):
            self._started.set_result(message)
        elif isinstance(message, Text):
            self._take_text(message)
        elif message is Control.PAUSE:
            self._go.clear()
        elif message is Control.RESUME:
            self._go.set()
        elif message is Control.STOP:
            self._reason = Reason.STOPPED
            self._end()

    def _take_text(self, message: Text) -> None:
        pieces = self._sentences.push(clean_text(message.text))
        if message.last:
            pieces += self._sentences.finish()
        for piece in pieces:
            if is_speakable(piece.text):
                self._feed.put(piece)
        if message.last:
            self._feed.close()

    def _end(self, reason: AntiphonError | None = None) -> None:
        """No more audio is wanted."""
        if reason is not None and not self._started.done():
            self._started.set_exception(reason)
        self._outbox.close(reason)
        self._feed.cut()
        self._go.set()
        if self._admitting is not None:
            self._admitting.cancel()

    # What the client gets.

    async def _speak(self, start: Start) -> None:
        speaker = choose_speaker(start, self._stage.residents.models, self._stage.default_model)
        asked_s = time.monotonic()
        lease = await self._admit(speaker)
        if lease is None:
            await self._send(Finished(self._reason, 0, 0.0, 0.0, _ms(time.monotonic() - asked_s)))
            return
        queue_ms = _ms(time.monotonic() - asked_s)
        await self._send(Started(self._stage.worker, speaker.model.id, speaker.public_id, start.format))
        pull = self._pull(lease, start, speaker)
        while (event := await self._outbox.take()) is not None:
            if not self._go.is_set():
                await self._go.wait()
            await self._send(event)
        await self._send(
            Finished(
                self._reason,
                pull.samples,
                _ms(pull.first_audio_s),
                _ms(self._stopwatch.total_s),
                queue_ms,
            )
        )

    async def _admit(self, speaker: Speaker) -> Lease | None:
        """A place and the model in memory; None if the client stopped it before."""
        self._admitting = asyncio.ensure_future(self._enter(speaker))
        try:
            return await self._admitting
        except asyncio.CancelledError:
            if not self._admitting.done() or not self._outbox.closed:
                raise
            await self._outbox.take()  # raises what the client did wrong
            return None
        finally:
            self._admitting = None

    async def _enter(self, speaker: Speaker) -> Lease:
        model = speaker.model
        place = await self._stage.admission.enter(model.id, model.max_concurrency)
        self._held.callback(place.release)
        lease = await self._stage.residents.lease(model.id)
        self._held.callback(lease.release)
        return lease

    def _pull(self, lease: Lease, start: Start, speaker: Speaker) -> Pull:
        """Starts the engine. From here on its end, not ours, frees what is held."""

        def ask(text: str) -> SpeechRequest:
            return SpeechRequest(text, speaker.voice.id, speaker.language, start.speed, start.seed, start.options)

        path = AudioPath(start.format, gain_db=lease.resident.gain_db(speaker.voice.id))
        pull = Pull(lease.model, ask, self._feed, path, self._outbox, self._stopwatch)
        held = self._held.pop_all()
        lease.slot.run(pull.run).add_done_callback(lambda _: held.close())
        return pull


async def _heard_out(reading: asyncio.Task[None]) -> None:
    """Lets the client end what it is writing: in grpc.aio, who writes into an ended call never learns why it ended."""
    try:
        await asyncio.wait({reading}, timeout=HEAR_OUT_S)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _ms(seconds: float) -> float:
    return seconds * 1000
