"""Audio as clients send it, base64 in JSON: checked as a whole, then decoded piece by piece.

A long message must not keep other sessions waiting: whoever takes the pieces lets others work in between.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from antiphon_orchestrator.api.codec import AudioIn
from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.ports import HeardSamples

MAX_BYTES = 15 * 1024 * 1024
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PIECE_MS = 120
"""A piece's bytes are a multiple of three in every format, so that its characters are a multiple of four."""


def check_audio(text: str, audio: AudioIn, param: str = "audio") -> None:
    """Raises the Fault for what is no base64, too long, or ends within a sample."""
    if text.isascii():
        left = text.encode("ascii").translate(None, _ALPHABET)
        well_formed = len(text) % 4 == 0 and left in (b"", b"=", b"==") and text.endswith(left.decode())
    else:
        well_formed = False
    if not well_formed:
        raise _fault("it is not base64. Expected base64-encoded bytes in the session's input format", param)
    size = len(text) // 4 * 3 - len(left)
    if size > MAX_BYTES:
        raise _fault(f"it holds {size} bytes; at most {MAX_BYTES} may be sent at once", param)
    if size % audio.sample_bytes:
        raise _fault(f"{size} bytes are not a whole number of {8 * audio.sample_bytes}-bit samples", param)


def heard_pieces(text: str, audio: AudioIn) -> Iterator[HeardSamples]:
    """What ears take of audio that was checked."""
    step = audio.bytes_of_ms(_PIECE_MS) // 3 * 4
    for start in range(0, len(text), step):
        yield audio.decode(binascii.a2b_base64(text[start : start + step]))


def _fault(reason: str, param: str) -> Fault:
    return Fault(f"Invalid '{param}': {reason}.", code="invalid_value", param=param)
