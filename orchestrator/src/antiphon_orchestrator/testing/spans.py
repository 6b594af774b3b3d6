"""A tracer that keeps what it is told, in virtual time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from antiphon_core.spans import About, Headers, Span, Tracer

from antiphon_orchestrator.testing.virtual_time import clock_ms


@dataclass(eq=False)
class RecordedSpan(Span):
    """`end_ms` is None until it has ended."""

    name: str
    start_ms: int
    about: dict[str, About]
    children: list[RecordedSpan] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    failure: str = ""
    end_ms: int | None = None

    @property
    def trace_id(self) -> str:
        return "recorded"

    def child(self, name: str, at_ms: int | None = None, **about: About) -> RecordedSpan:
        made = RecordedSpan(name, _at(at_ms), about)
        self.children.append(made)
        return made

    def set(self, **about: About) -> None:
        self.about.update(about)

    def event(self, name: str, **about: About) -> None:
        self.events.append(name)

    def end(self, failure: str = "", at_ms: int | None = None) -> None:
        if self.end_ms is None:
            self.end_ms, self.failure = _at(at_ms), failure

    def headers(self) -> Headers:
        return (("traceparent", self.name),)

    def the(self, name: str) -> RecordedSpan:
        """Its only child of this name."""
        (child,) = (child for child in self.children if child.name == name)
        return child

    def names(self) -> list[str]:
        return [child.name for child in self.children]

    def all(self) -> list[RecordedSpan]:
        """Itself, and all below it."""
        return [self, *(span for child in self.children for span in child.all())]


@dataclass
class RecordingTracer(Tracer):
    """`roots` in the order in which they began."""

    roots: list[RecordedSpan] = field(default_factory=list)

    def begin(
        self, name: str, at_ms: int | None = None, headers: Iterable[tuple[str, str]] = (), **about: About
    ) -> RecordedSpan:
        root = RecordedSpan(name, _at(at_ms), about)
        self.roots.append(root)
        return root

    def left_open(self) -> list[str]:
        """Stages that nobody ended."""
        return [span.name for root in self.roots for span in root.all() if span.end_ms is None]


def _at(at_ms: int | None) -> int:
    return clock_ms() if at_ms is None else at_ms
