"""All audio of one item, an assistant's message: its utterances in order, and what of them was sent and heard."""

from __future__ import annotations

from antiphon_orchestrator.sent_log import SentLog
from antiphon_orchestrator.utterance_line import UtteranceLine


class ItemAudio:
    """Grows until it is closed, or until a client says that it plays no more of it."""

    def __init__(self, item_id: str, epoch: int) -> None:
        self.item_id = item_id
        self.epoch = epoch
        self.lines: list[UtteranceLine] = []
        self.log = SentLog()
        self.closed = False
        self.truncated = False

    @property
    def all_heard(self) -> bool:
        """Whether nothing more will be heard of it."""
        return self.truncated or (self.closed and all(line.all_heard for line in self.lines))

    @property
    def heard_samples(self) -> int:
        """How much of it was heard, nothing counted twice."""
        return sum(line.heard_samples for line in self.lines)

    @property
    def heard_offset(self) -> int:
        """How far in the item's text it was heard."""
        reached = [line for line in self.lines if line.heard_samples] or self.lines[:1]
        return reached[-1].heard_offset()
