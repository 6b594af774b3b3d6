"""How well a session's audio flowed: counts since it began."""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphon_core.audio import FRAME_MS


@dataclass(slots=True)
class PlayoutStats:
    """A gap within an utterance is an underrun, one between utterances of an item a pause. `lateness_ms`: how late the
    last tick came, against the one before; ticks in between are not counted."""

    frames_sent: int = 0
    underruns: int = 0
    underrun_ms: int = 0
    pause_ms: int = 0
    lateness_ms: int = 0
    _next_tick_ms: int | None = field(default=None, repr=False)

    def note_tick(self, now_ms: int) -> None:
        """A tick came."""
        late_ms = 0 if self._next_tick_ms is None else now_ms - self._next_tick_ms
        if late_ms >= 0:
            self.lateness_ms = late_ms
            self._next_tick_ms = now_ms - late_ms % FRAME_MS + FRAME_MS

    def rest(self) -> None:
        """Nothing is to be sent: the next tick is not awaited."""
        self._next_tick_ms = None

    def note_gap(self, gap_ms: int, *, within_utterance: bool) -> None:
        """The listener heard nothing for so long, though speech went on afterwards."""
        if within_utterance:
            self.underruns += 1
            self.underrun_ms += gap_ms
        else:
            self.pause_ms += gap_ms
