"""Requests: what the client of one utterance asks, as it comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import structlog
from structlog.contextvars import bind_contextvars

from antiphon_core.errors import AntiphonError
from antiphon_core.models import Capability
from antiphon_core.utterance import Control, Start, Text, UtteranceMessage
from antiphon_core.worker.feed import Feed, Piece
from antiphon_core.worker.script import Script, is_speakable
from antiphon_core.worker.sentences import Sentences
from antiphon_core.worker.text import clean_text
from antiphon_core.worker.voices import Speaker

log = structlog.get_logger(__name__)

HEAR_OUT_S = 0.05
"""How long a client that has not ended its requests may still be writing some."""


class Requests:
    """Reads them all. Text goes to the feed, sentence by sentence where the engine cannot take parts of one; `ended`
    hears of STOP (None) and of mistakes."""

    def __init__(
        self,
        messages: AsyncIterator[UtteranceMessage],
        choose: Callable[[Start], Speaker],
        feed: Feed,
        ended: Callable[[AntiphonError | None], None],
        *,
        max_text_bytes: int,
        log_text: bool,
    ) -> None:
        self.opened: asyncio.Future[tuple[Start, Speaker]] = asyncio.get_running_loop().create_future()
        self.go = asyncio.Event()
        """Not set while the client pauses."""
        self.go.set()
        self.text_chars = 0
        self._messages = messages
        self._script = Script(max_text_bytes)
        self._choose = choose
        self._feed = feed
        self._ended = ended
        self._log_text = log_text
        self._sentences: Sentences | None = None
        self._owed_since_s: float | None = time.monotonic()
        self._reading = asyncio.create_task(self._read(), name="read-requests")

    @property
    def silent_s(self) -> float:
        """For how long the client has owed its start, or text that somebody waits for; 0 if it owes none."""
        return 0.0 if self._owed_since_s is None else time.monotonic() - self._owed_since_s

    def expect_text(self) -> None:
        """From now on somebody waits."""
        if not self._script.complete:
            self._owed_since_s = time.monotonic()

    def give_up(self, error: AntiphonError) -> None:
        """No start is waited for any more."""
        if not self.opened.done():
            self.opened.set_exception(error)

    async def close(self) -> None:
        """Lets the client end what it is writing: in grpc.aio, who writes into an ended call never learns why."""
        try:
            await asyncio.wait({self._reading}, timeout=HEAR_OUT_S)
        finally:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for message in self._messages:
                self._obey(self._script.accept(message))
            self._script.end()
        except AntiphonError as error:
            self.give_up(error)
            self._ended(error)
            await self._hear_out()

    async def _hear_out(self) -> None:
        """Reads what the client is still saying, whatever it is."""
        while True:
            try:
                await self._messages.__anext__()
            except AntiphonError:
                continue
            except StopAsyncIteration:
                return

    def _obey(self, message: UtteranceMessage) -> None:
        if isinstance(message, Start):
            self._open(message)
        elif isinstance(message, Text):
            self._take_text(message)
        elif message is Control.PAUSE:
            self.go.clear()
        elif message is Control.RESUME:
            self.go.set()
        else:
            self._ended(None)

    def _open(self, start: Start) -> None:
        bind_contextvars(**ids_of(start))
        speaker = self._choose(start)
        if Capability.STREAMING_TEXT not in speaker.model.capabilities:
            self._sentences = Sentences()
        self._owed_since_s = None
        self.opened.set_result((start, speaker))

    def _take_text(self, message: Text) -> None:
        text = clean_text(message.text)
        if self._log_text:
            log.info("text", text=text)
        if self._sentences is None:
            self._feed.put(Piece(text, self.text_chars))
        else:
            pieces = self._sentences.push(text)
            if message.last:
                pieces += self._sentences.finish()
            for piece in pieces:
                if is_speakable(piece.text):
                    self._feed.put(piece)
        self.text_chars += len(text)
        if message.last:
            self._owed_since_s = None
            self._feed.close()
        elif self._owed_since_s is not None:
            self._owed_since_s = time.monotonic()


def ids_of(start: Start) -> dict[str, str]:
    """What ties log lines of one utterance together; bound in every task that works for it."""
    return {"session": start.session_id, "turn": start.turn_id, "utterance": start.utterance_id}
