from __future__ import annotations

from antiphon_orchestrator.llm.slots import ANY_SLOT, Slots
from hypothesis import given
from hypothesis import strategies as st


def test_a_conversation_keeps_its_slot() -> None:
    slots = Slots(2)
    assert [slots.of(conversation) for conversation in "abab"] == [0, 1, 0, 1]


def test_a_further_conversation_takes_the_slot_of_who_was_silent_longest() -> None:
    slots = Slots(2)
    assert [slots.of(conversation) for conversation in "abacba"] == [0, 1, 0, 1, 0, 1]


def test_without_a_conversation_any_slot_will_do() -> None:
    slots = Slots(1)
    assert [slots.of(conversation) for conversation in ("a", "", "a")] == [0, ANY_SLOT, 0]


@given(st.integers(1, 4), st.text(alphabet="abcdefg", max_size=50))
def test_the_newest_conversations_never_share_a_slot(count: int, asking: str) -> None:
    slots = Slots(count)
    owners: dict[int, str] = {}
    for place, conversation in enumerate(asking):
        slot = slots.of(conversation)
        assert 0 <= slot < count
        owners[slot] = conversation
        newest = list(dict.fromkeys(reversed(asking[: place + 1])))[:count]
        assert sorted(owners.values()) == sorted(newest)
