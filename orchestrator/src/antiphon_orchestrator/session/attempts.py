"""Answers under way, by epoch: each is one task from the user's words to the last frame heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from antiphon_core.spans import NO_SPAN, current_span

from antiphon_orchestrator.session.answer_spans import AnswerSpans
from antiphon_orchestrator.session.narrator import Ending
from antiphon_orchestrator.session.reply import Reply

MakeReply = Callable[[str | None], Reply]
"""Makes the answer to a transcript: "" where the answer is not to speech, None where speech was not recognised."""


@dataclass(slots=True)
class Attempt:
    """One attempt at an answer. `counts`: it is no trial any more. `after`: what must be done before it is made.

    `insists`: the client asked for it, so that silence is answered as well.
    """

    epoch: int
    counts: bool
    words: asyncio.Task[str | None] | None
    make: MakeReply
    after: tuple[asyncio.Task[None], ...] = ()
    insists: bool = False
    reply: Reply | None = None
    task: asyncio.Task[None] | None = None
    empty: bool = False
    spans: AnswerSpans = field(default_factory=lambda: AnswerSpans(NO_SPAN))

    def let_go(self) -> None:
        """The trial was right: what is ready leaves now, what comes follows."""
        self.counts = True
        self.spans.wanted()
        if self.reply is not None:
            self.reply.release()


class Attempts:
    """All attempts that are not over. At most one of them counts."""

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_end: Callable[[Attempt, Ending], None],
        on_empty: Callable[[Attempt], None],
    ) -> None:
        self._spawn = spawn
        self._on_end = on_end
        self._on_empty = on_empty
        self._by_epoch: dict[int, Attempt] = {}

    def start(self, attempt: Attempt) -> None:
        self._by_epoch[attempt.epoch] = attempt
        attempt.task = self._spawn(self._run(attempt))
        attempt.task.add_done_callback(lambda _: attempt.spans.close())

    def let_go(self, epoch: int) -> bool:
        """False if there is no such trial."""
        attempt = self._by_epoch.get(epoch)
        if attempt is None:
            return False
        attempt.let_go()
        if attempt.empty:
            self._on_empty(attempt)
        return True

    def drop(self, epoch: int) -> bool:
        """Ends a trial. False if there is no such trial."""
        attempt = self._by_epoch.pop(epoch, None)
        if attempt is not None:
            attempt.spans.dropped()
            self._cancel(attempt)
        return attempt is not None

    def drop_trials(self) -> None:
        """Ends what does not count yet: what it was made from has changed."""
        for epoch in [epoch for epoch, attempt in self._by_epoch.items() if not attempt.counts]:
            self.drop(epoch)

    def drop_below(self, epoch: int) -> tuple[Attempt, ...]:
        """Ends all older attempts; those that counted are returned."""
        stale = [self._by_epoch.pop(old) for old in sorted(self._by_epoch) if old < epoch]
        for attempt in stale:
            self._cancel(attempt)
        return tuple(attempt for attempt in stale if attempt.counts)

    def reply_of_item(self, item_id: str) -> Reply | None:
        """The answer whose message this is, while it is under way."""
        for attempt in self._by_epoch.values():
            if attempt.reply is not None and attempt.reply.item_id == item_id:
                return attempt.reply
        return None

    @property
    def busy(self) -> bool:
        """Whether an answer that counts is under way, even before there is anything of it."""
        return any(attempt.counts for attempt in self._by_epoch.values())

    @property
    def current(self) -> Reply | None:
        """The answer that counts, if it is under way."""
        for attempt in self._by_epoch.values():
            if attempt.counts and attempt.reply is not None:
                return attempt.reply
        return None

    async def _run(self, attempt: Attempt) -> None:
        current_span.set(attempt.spans.span)
        words = "" if attempt.words is None else await asyncio.shield(attempt.words)
        if words is None and not attempt.counts:
            attempt.spans.dropped()
            del self._by_epoch[attempt.epoch]  # the turn gets another try once it counts
            return
        if attempt.words is not None and words == "" and not attempt.insists:
            attempt.empty = True
            attempt.spans.dropped()
            if attempt.counts:
                self._on_empty(attempt)
            return
        if attempt.after:
            await asyncio.wait(attempt.after)
        reply = attempt.reply = attempt.make(words)
        reply.spans = attempt.spans
        if attempt.counts:
            reply.release()
        ending = await reply.run()
        self._by_epoch.pop(attempt.epoch, None)
        self._on_end(attempt, ending)

    @staticmethod
    def _cancel(attempt: Attempt) -> None:
        assert attempt.task is not None, "an attempt is cancelled after it was started"
        attempt.task.cancel()
