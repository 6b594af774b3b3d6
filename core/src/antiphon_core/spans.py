"""Spans: what something spends its time on, told as it happens. Those here go nowhere and cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar
from types import TracebackType

from antiphon_core.errors import AntiphonError, condition

About = str | int | float | bool
Headers = tuple[tuple[str, str], ...]
"""By which a span goes over to another process."""


class Span:
    """One stage. As a context manager it ends with its block.

    Times are milliseconds of the clock that only grows (`time.monotonic`); None is now. A span lasts at
    least as long as its children.
    """

    @property
    def trace_id(self) -> str:
        """Empty where nothing is traced."""
        return ""

    def child(self, name: str, at_ms: int | None = None, **about: About) -> Span:
        """A stage of this one."""
        return self

    def set(self, **about: About) -> None:
        """Adds to what is known about it."""

    def event(self, name: str, **about: About) -> None:
        """Something happened in it, now."""

    def end(self, failure: str = "", at_ms: int | None = None) -> None:
        """Only the first end counts."""

    def headers(self) -> Headers:
        """For `Tracer.begin` in another process, whose spans become children of this one."""
        return ()

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            self.set(cancelled=True)
            self.end()
        else:
            self.end(failure_of(error))


class Tracer:
    """Begins spans that have no parent in this process. This one traces nothing."""

    def begin(
        self, name: str, at_ms: int | None = None, headers: Iterable[tuple[str, str]] = (), **about: About
    ) -> Span:
        """`headers`: of the request that it is about, if that may bring a parent."""
        return NO_SPAN

    def close(self) -> None:
        """Sends what was not sent yet, for a few seconds at most. May block."""


NO_SPAN = Span()
NO_TRACER = Tracer()

current_span: ContextVar[Span] = ContextVar("current_span", default=NO_SPAN)
"""Whose stages those are that begin in this task. Set at the task's beginning; tasks that it starts inherit it."""


def failure_of(error: BaseException | None) -> str:
    """What a span's failure is called; empty for none."""
    if isinstance(error, AntiphonError):
        return condition(error)
    return "" if error is None else type(error).__name__
