"""What is traced of one answer: the wait for its first frame, then what is heard of it."""

from __future__ import annotations

from antiphon_core.spans import NO_SPAN, Span


class AnswerSpans:
    """One attempt's, beside what it asks of models. `span` lasts as long as the attempt."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self._waiting = self._playout = NO_SPAN

    def wanted(self) -> None:
        """It counts: a first frame is waited for."""
        self._waiting = self.span.child("first_audio")

    def audible(self) -> None:
        """Its first frame has just left."""
        self._waiting.end()
        self._playout = self.span.child("playout")

    def event(self, name: str, **about: int) -> None:
        """Something befell the voice."""
        self._playout.event(name, **about)

    def told(self, status: str) -> None:
        """The client was told how it ended; its work may take a moment longer."""
        self.span.set(outcome=status)
        self._playout.end()
        self._waiting.end()

    def dropped(self) -> None:
        """It never counted."""
        self.span.set(outcome="dropped")

    def close(self) -> None:
        """Whatever became of it."""
        self._waiting.end()
        self._playout.end()
        self.span.end()
