"""What callers say: sentences of words that are known apart by ear, none of them twice in a text."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split()
HUM = "Mm-hm."


def text(chance: random.Random) -> str:
    """One, two or three sentences."""
    lengths = [chance.randint(4, 8) for _ in range(chance.choice((1, 2, 2, 3)))]
    chosen = chance.sample(WORDS, sum(lengths))
    sentences = []
    for length in lengths:
        said, chosen = chosen[:length], chosen[length:]
        sentences.append(" ".join(said).capitalize() + ".")
    return " ".join(sentences)
