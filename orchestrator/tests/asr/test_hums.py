from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_orchestrator.asr.hums import Hums
from antiphon_orchestrator.asr.vocabulary import Vocabulary

PIECES = ["▁M", "m", "-", "h", "mm", ".", "▁U", "hu"]


@pytest.fixture
def hums(tmp_path: Path) -> Hums:
    file = tmp_path / "tokenizer.bin"
    encoded = [b"special"] * 3 + [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in PIECES]
    file.write_bytes(b"".join(bytes([len(piece)]) + piece for piece in encoded))
    return Hums(Vocabulary(file))


def test_hums_are_written_in_pieces_of_words_not_in_bytes(hums: Hums) -> None:
    assert hums.tokens[0] == [259, 260, 261, 262, 263, 264]


@pytest.mark.parametrize(
    ("word", "scores", "hum"),
    [
        (-1.0, [-3.0, -8.0, -9.0], "Mm-hmm."),
        (-1.0, [-8.0, -5.9, -9.0], "Mm."),
        (-2.0, [-8.0, -9.0, -2.0], "Uh-huh."),
        (-0.3, [-11.0, -10.4, -14.0], None),
        (-1.0, [-6.1, -7.0, -8.0], None),
    ],
)
def test_a_sound_is_a_hum_if_that_is_nearly_as_likely(
    hums: Hums, word: float, scores: list[float], hum: str | None
) -> None:
    assert hums.instead_of(word, scores) == hum


def test_where_hums_are_expected_they_are_found_sooner(hums: Hums) -> None:
    scores = [-8.0, -9.0, -10.0]
    assert (hums.instead_of(-1.0, scores), hums.instead_of(-1.0, scores, expected=True)) == (None, "Mm-hmm.")
    assert hums.instead_of(-1.0, [-10.1, -11.0, -12.0], expected=True) is None
