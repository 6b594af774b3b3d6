"""A speech worker behind a real gRPC port, in the event loop of the test: it speaks, fails, hangs or dies as told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from enum import Enum, auto
from typing import cast

import grpc
from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError
from antiphon_core.registry.base import LoadProgress, LoadStage
from antiphon_core.tls import Certificates, server_credentials
from antiphon_core.utterance import Finished, Start, Started, Text, UtteranceMessage
from antiphon_core.wire.rpc import CHANNEL_OPTIONS, add_servicer
from antiphon_core.wire.servicer import Send, SpeechService, SpeechServicer

from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.testing.speech import FRAMES_PER_WORD, ScriptedSpeech


class Stage(Enum):
    """Where in an utterance something happens."""

    BEFORE_STARTED = auto()
    AFTER_STARTED = auto()
    AFTER_SOME_FRAMES = auto()
    IN_THE_SECOND_WORD = auto()
    AT_THE_END = auto()


class Fate(Enum):
    """What happens there, if it is no condition that is raised."""

    HANGS = auto()
    DIES = auto()
    ENDS = auto()


Script = tuple[Stage, Fate | AntiphonError]
_SOME_FRAMES = 5


class ScriptedWorker:
    """Meets the scripted fates, one an utterance, then speaks as it should. `starts` is what it was asked."""

    def __init__(self, *fates: Script | None) -> None:
        self.starts: list[Start] = []
        self.texts: list[str] = []
        self.loads: list[str] = []
        self.running = 0
        self.address = ""
        self._fates = deque(fates)
        self._speech = ScriptedSpeech(first_frame_s=0.0, frame_s=0.0)
        self._die: Callable[[], None] | None = None

    @property
    def hangs_next(self) -> Stage | None:
        """Where in its next utterance it will hang, if it does."""
        fate = self._fates[0] if self._fates else None
        return fate[0] if fate is not None and fate[1] is Fate.HANGS else None

    async def synthesize(self, messages: AsyncIterator[UtteranceMessage], send: Send) -> None:
        """See `antiphon_core.wire.servicer`."""
        self.running += 1
        try:
            fate = self._fates.popleft() if self._fates else None
            start = await anext(messages)
            assert isinstance(start, Start)
            self.starts.append(start)
            self.texts.append(await _all_text(messages))
            with suppress(_Ended):
                await self._speak(start, self.texts[-1], fate, send)
        finally:
            self.running -= 1

    async def load_model(self, model_id: str) -> AsyncIterator[LoadProgress]:
        """See `antiphon_core.wire.servicer`."""
        self.loads.append(model_id)
        yield LoadProgress(LoadStage.READY)

    async def _speak(self, start: Start, text: str, fate: Script | None, send: Send) -> None:
        await self._meet(fate, Stage.BEFORE_STARTED)
        frames = 0
        stream = self._speech.speak(text, VoiceChoice(start.voice, rate_hz=start.format.rate_hz))
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, Finished):
                    await self._meet(fate, Stage.AT_THE_END)
                await send(event)
                if isinstance(event, Started):
                    await self._meet(fate, Stage.AFTER_STARTED)
                frames += isinstance(event, Frame)
                if frames == _SOME_FRAMES:
                    await self._meet(fate, Stage.AFTER_SOME_FRAMES)
                if frames == FRAMES_PER_WORD + _SOME_FRAMES:
                    await self._meet(fate, Stage.IN_THE_SECOND_WORD)

    async def _meet(self, fate: Script | None, stage: Stage) -> None:
        if fate is None or fate[0] is not stage:
            return
        if isinstance(fate[1], AntiphonError):
            raise fate[1]
        if fate[1] is Fate.ENDS:
            raise _Ended
        if fate[1] is Fate.DIES:
            assert self._die is not None
            self._die()
        await asyncio.Event().wait()

    @asynccontextmanager
    async def serving(self, certificates: Certificates | None = None) -> AsyncIterator[str]:
        """Serves at the address that it yields."""
        server = grpc.aio.server(options=CHANNEL_OPTIONS)
        add_servicer(SpeechServicer(cast("SpeechService", self)), server)
        if certificates is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", server_credentials(certificates))
        self.address = f"127.0.0.1:{port}"
        await server.start()
        endings: list[asyncio.Task[None]] = []
        self._die = lambda: endings.append(asyncio.ensure_future(server.stop(None)))
        try:
            yield self.address
        finally:
            await server.stop(None)
            await asyncio.gather(*endings)


class _Ended(Exception):
    """The worker says no more."""


async def _all_text(messages: AsyncIterator[UtteranceMessage]) -> str:
    text = ""
    async for message in messages:
        if isinstance(message, Text):
            text += message.text
            if message.last:
                break
    return text
