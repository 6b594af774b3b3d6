"""Which conversation a model's memories belong to. Pure."""

from __future__ import annotations

from collections import OrderedDict

ANY_SLOT = -1


class Slots:
    """As many conversations as there are slots keep theirs; a further one takes that of who was silent longest."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._by_conversation: OrderedDict[str, int] = OrderedDict()

    def of(self, conversation: str) -> int:
        """Its slot, from now on its own. A request without a conversation takes any."""
        if not conversation:
            return ANY_SLOT
        slot = self._by_conversation.pop(conversation, None)
        if slot is None:
            slot = len(self._by_conversation)
            if slot == self._count:
                _, slot = self._by_conversation.popitem(last=False)
        self._by_conversation[conversation] = slot
        return slot
