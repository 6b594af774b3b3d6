"""What was sent to a client, in the order it was sent: maps what the client played to what was said."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from antiphon_core.audio import FRAME_MS

from antiphon_orchestrator.utterance_line import UtteranceLine


@dataclass(slots=True)
class Run:
    """Frames of one utterance sent without a break, the first to be played at `due_ms`.

    `at_frame` counts frames sent for the item before. An inaudible run only faded out: nothing of it was heard.
    """

    line: UtteranceLine
    first: int
    due_ms: int
    at_frame: int
    audible: bool
    count: int = 1

    def continued_by(self, line: UtteranceLine, frame: int, due_ms: int) -> bool:
        """Whether an audible frame follows without a break."""
        return (
            self.audible
            and line is self.line
            and frame == self.first + self.count
            and due_ms == self.due_ms + self.count * FRAME_MS
        )

    def frame_at(self, now_ms: int) -> int:
        """The frame that is played now, or its first one if it is still to come."""
        return self.first + max(0, (now_ms - self.due_ms) // FRAME_MS)

    def hear(self, samples: int, frame_samples: int) -> None:
        """The listener heard so many samples of it."""
        if self.audible and samples > 0:
            self.line.hear(self.first * frame_samples + min(samples, self.count * frame_samples))


@dataclass(slots=True)
class SentLog:
    """All runs of an item."""

    frames: int = 0
    runs: list[Run] = field(default_factory=list)

    def start_run(self, line: UtteranceLine, frame: int, due_ms: int, *, audible: bool) -> Run:
        """A frame that follows on nothing."""
        run = Run(line, frame, due_ms, self.frames, audible)
        self.runs.append(run)
        return run

    def hear(self, samples: int, frame_samples: int) -> None:
        """The listener heard exactly the first `samples` of all that was sent."""
        for run in self.runs:
            run.line.heard_samples = 0
        for run in self.runs:
            run.hear(samples - run.at_frame * frame_samples, frame_samples)

    def due_ms(self, played_ms: int) -> int | None:
        """When the frame at `played_ms` was to be played, as far as we knew."""
        index = bisect_right(self.runs, played_ms // FRAME_MS, key=lambda run: run.at_frame) - 1
        if index < 0 or played_ms > self.frames * FRAME_MS:
            return None
        run = self.runs[index]
        return run.due_ms + played_ms - run.at_frame * FRAME_MS
