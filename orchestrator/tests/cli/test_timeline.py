"""The picture of a conversation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from antiphon_orchestrator.cli.timeline import Span, Timeline, Words, shortened, spans_between
from PIL import Image

RATE_HZ = 24_000


def width(text: str) -> float:
    return 10.0 * len(text)


@pytest.mark.parametrize(
    ("text", "room", "drawn"),
    [
        ("The sea is deep.", 160, "The sea is deep."),
        ("The sea is deep.", 159, "The sea is dee…"),
        ("The sea is deep.", 130, "The sea is d…"),
        ("The sea is deep.", 90, "The sea…"),
        ("The sea is deep.", 20, "T…"),
        ("The sea is deep.", 19, ""),
        ("", 0, ""),
    ],
)
def test_words_are_shortened_to_the_room_there_is(text: str, room: float, drawn: str) -> None:
    assert shortened(text, room, width) == drawn


def test_words_at_the_very_end_of_a_row_are_drawn(tmp_path: Path) -> None:
    track = np.zeros(17 * RATE_HZ, np.int16)
    words = [Words(1, 15_950.0, "The capital of France is Paris.")]
    Timeline("A call", (track, track), RATE_HZ, words=words).save(tmp_path / "call.png")
    with Image.open(tmp_path / "call.png") as image:
        assert image.width > 1_600


def test_spans_end_with_the_next_end_or_with_the_call() -> None:
    assert spans_between([1, 5], [3], 9, "held") == [Span(1, 3, "held"), Span(5, 9, "held")]
