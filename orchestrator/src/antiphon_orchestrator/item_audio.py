"""All audio of one item, an assistant's message: its utterances in order, and what of them was sent and heard."""

from __future__ import annotations

from antiphon_core.errors import BadRequest

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
        reached = [line for line in self.lines if line.heard_samples and line.says_something] or self.lines[:1]
        return reached[-1].heard_offset()


KEPT_ITEMS = 64
"""Of how many items it stays known what was heard."""


class Items:
    """A session's items: those still to be heard, and the last ones that were."""

    def __init__(self) -> None:
        self._items: dict[str, ItemAudio] = {}
        self._unsettled: list[ItemAudio] = []

    @property
    def settled(self) -> bool:
        """Whether nothing of any item is still to be heard."""
        return not self._unsettled

    def opened(self, item_id: str, epoch: int) -> ItemAudio:
        """The item, which is new or not."""
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = ItemAudio(item_id, epoch)
            self._unsettled.append(item)
            self._forget_old()
        return item

    def find(self, item_id: str) -> ItemAudio | None:
        """The item, if it is known."""
        return self._items.get(item_id)

    def known(self, item_id: str) -> ItemAudio:
        """The item, which a client believes to exist."""
        item = self._items.get(item_id)
        if item is None:
            raise BadRequest(f"no audio of an item {item_id!r} is known", subject="item_id", allowed=tuple(self._items))
        return item

    def settle(self) -> tuple[str, ...]:
        """Which items have been heard whole since the last time."""
        heard = tuple(item.item_id for item in self._unsettled if item.all_heard)
        if heard:
            self._unsettled = [item for item in self._unsettled if not item.all_heard]
        return heard

    def drop_below(self, epoch: int) -> list[ItemAudio]:
        """No more will be heard of items of older epochs; returns them."""
        dropped = [item for item in self._unsettled if item.epoch < epoch]
        self._unsettled = [item for item in self._unsettled if item.epoch >= epoch]
        return dropped

    def _forget_old(self) -> None:
        settled = [key for key, item in self._items.items() if item not in self._unsettled]
        for key in settled[: max(0, len(self._items) - KEPT_ITEMS)]:
            del self._items[key]
