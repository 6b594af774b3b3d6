from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_orchestrator.asr.vocabulary import Vocabulary

LONG = b"x" * 300
PIECES = [b"<unk>", b"<s>", b"</s>", b"\xe2", b"\x96", "▁What".encode(), "▁time".encode(), b"?", b"<<ST_7>>", LONG, b""]
WHAT, TIME, ASKED, SPECIAL, TOO_LONG, EMPTY = range(5, 11)


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    file = tmp_path / "tokenizer.bin"
    file.write_bytes(b"".join(_length(piece) + piece for piece in PIECES))
    return Vocabulary(file)


def _length(piece: bytes) -> bytes:
    size = len(piece)
    return bytes([size]) if size < 128 else bytes([size % 128 + 128, size // 128])


def test_pieces_become_words(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([WHAT, TIME, ASKED]) == "What time?"


def test_special_tokens_are_no_text(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([1, WHAT, SPECIAL, EMPTY, 2]) == "What"


def test_a_long_piece_is_read_whole(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([TOO_LONG, ASKED]) == LONG.decode() + "?"


def test_half_a_character_is_left_out(vocabulary: Vocabulary) -> None:
    assert vocabulary.text([WHAT, 3, 4]) == "What"
