"""Outbox: an utterance's events on their way from the engine's thread to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence

from antiphon_core.audio import Frame, TextMark
from antiphon_core.wire.utterances import FRAMES_AT_ONCE
from antiphon_core.worker.threads import tell

Event = Frame | TextMark


class Outbox:
    """Holds at most `limit` events and the rest of one chunk; then the engine's thread waits.

    No lock is shared: a thread that lost its turn while holding one would stop the event loop.
    """

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._room = threading.Event()
        self._finished = False
        self._failure: BaseException | None = None
        self._closed = False
        self._reason: BaseException | None = None

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, events: Sequence[Event]) -> None:
        """From the engine's thread."""
        if events:
            self._events.extend(events)
            tell(self._loop, self._filled.set)

    def wait_for_room(self) -> bool:
        """From the engine's thread. False: nobody wants any more."""
        while not self._closed and len(self._events) >= self.limit:
            self._room.clear()
            if not self._closed and len(self._events) >= self.limit:
                self._room.wait()
        return not self._closed

    def finish(self, failure: BaseException | None = None) -> None:
        """From the engine's thread: nothing comes after what was put; `failure` is why."""
        self._failure = failure
        self._finished = True
        tell(self._loop, self._filled.set)

    async def take(self) -> TextMark | list[Frame] | None:
        """The next mark, or the frames in a row that are here, a few at most; None after the last one.

        Raises what ended the utterance.
        Whoever waits gets a frame as soon as there is one; frames come together where they are taken more slowly.
        """
        while not self._closed:
            if self._events:
                return self._pop()
            if self._finished and not self._events:
                break
            self._filled.clear()
            # The thread may have been here before the event was cleared.
            if not self._events and not self._finished:
                await self._filled.wait()
        error = self._reason if self._closed else self._failure
        if error is not None:
            raise error
        return None

    def close(self, reason: BaseException | None = None) -> None:
        """Drops what is inside and lets the engine's thread go; whoever takes gets the reason, or the end."""
        if not self._closed:
            self._reason = reason
            self._closed = True
            self._filled.set()
            self._room.set()

    def _pop(self) -> TextMark | list[Frame]:
        first = self._events.popleft()
        taken = first if isinstance(first, TextMark) else [first]
        while isinstance(taken, list) and len(taken) < FRAMES_AT_ONCE and self._events:
            following = self._events[0]
            if not isinstance(following, Frame):
                break
            taken.append(following)
            self._events.popleft()
        if len(self._events) < self.limit and not self._room.is_set():
            self._room.set()
        return taken
