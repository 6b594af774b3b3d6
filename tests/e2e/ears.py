"""The tests' own ears: what a recording says, and how far two texts are apart."""

from __future__ import annotations

import io
import re
import wave

import httpx

RATE_HZ = 24_000
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SIGNS = {"+": " plus ", "=": " equals ", "%": " percent", "&": " and "}


def wav(pcm: bytes, rate_hz: int = RATE_HZ) -> bytes:
    """16-bit samples as a file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(pcm)
    return buffer.getvalue()


def recognised(server: str, recording: bytes) -> str:
    """What the server's recogniser makes of a file."""
    files = {"file": ("recording.wav", recording)}
    answer = httpx.post(f"{server}/v1/audio/transcriptions", files=files, data={"model": "whisper-1"}, timeout=60.0)
    return str(answer.raise_for_status().json()["text"])


def words_of(text: str) -> list[str]:
    """Without case and punctuation; recognisers write numbers in figures, and some signs as words."""
    signs_said = re.sub(r"[+=%&]", lambda found: _SIGNS[found[0]], text.lower())
    spoken = re.sub(r"\d+", lambda found: _name(int(found[0])), signs_said)
    return re.findall(r"[a-z0-9']+", spoken)


def _name(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def word_error_rate(said: str, heard: str) -> float:
    """Words to change, add or leave out to make the one text the other, for each word said."""
    wanted, got = words_of(said), words_of(heard)
    row = list(range(len(got) + 1))
    for number, word in enumerate(wanted, 1):
        above, row = row, [number]
        for place, other in enumerate(got):
            row.append(min(above[place + 1] + 1, row[-1] + 1, above[place] + (word != other)))
    return row[-1] / max(1, len(wanted))
