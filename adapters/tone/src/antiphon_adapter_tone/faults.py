"""Options that make the engine slow, bursty, quiet or broken, so that a host can be tested against such engines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadRequest, BadSettings

let_go = threading.Event()
"""Set it, and whatever hangs goes on: for tests that must end the thread they hung."""

MIDDLE_MS = 500
"""`raise_at=middle` and `hang_at=middle` strike when this much audio is out, or at the end of a shorter text."""
_PLACES = ("", "load", "first", "middle")


@dataclass(frozen=True, slots=True)
class Faults:
    """The options, as named in settings and requests. All are off by default.

    `rtf` is seconds of work per second of audio; `bursty` is how many chunks come at once; `chunk_ms` cuts chunks to
    that length (0: one a word).
    """

    load_ms: int = 0
    first_chunk_delay_ms: int = 0
    rtf: float = 0.0
    chunk_ms: int = 0
    bursty: int = 1
    leading_silence_ms: int = 0
    trailing_silence_ms: int = 0
    gain_db: float = 0.0
    raise_at: str = ""
    hang_at: str = ""
    hang_ms: int = 3_600_000

    def strike(self, place: str) -> None:
        """Raises or hangs, if that was asked for at this place."""
        if self.raise_at == place:
            raise RuntimeError(f"the engine broke at {place}, as the option raise_at asked")
        if self.hang_at == place:
            let_go.wait(self.hang_ms / 1000)


def while_loading(options: Mapping[str, str]) -> None:
    faults = _read(options, BadSettings)
    time.sleep(faults.load_ms / 1000)
    faults.strike("load")


def while_speaking(chunks: Iterator[PcmChunk], options: Mapping[str, str]) -> Iterator[PcmChunk]:
    if not options:
        return chunks
    faults = _read(options, BadRequest)
    chunks = _louder(_padded(chunks, faults), faults.gain_db) if _shapes(faults) else chunks
    chunks = _cut(chunks, faults.chunk_ms) if faults.chunk_ms else chunks
    return _timed(chunks, faults)


def _read(options: Mapping[str, str], error: type[BadRequest | BadSettings]) -> Faults:
    kinds = {name: type(default) for name, default in asdict(Faults()).items()}
    values: dict[str, str | int | float] = {}
    for name, text in options.items():
        if name not in kinds:
            raise error(f"no option {name!r}; there are: {', '.join(kinds)}", subject=name, allowed=[*kinds])
        try:
            values[name] = kinds[name](text)
        except ValueError:
            raise error(f"option {name} is {text!r}; it is a {kinds[name].__name__}", subject=name) from None
        if name in ("raise_at", "hang_at") and text not in _PLACES:
            raise error(f"option {name} is {text!r}; it is one of {_PLACES}", subject=name, allowed=_PLACES)
    return Faults(**values)  # type: ignore[arg-type] # each value has its field's type


def _shapes(faults: Faults) -> bool:
    return bool(faults.leading_silence_ms or faults.trailing_silence_ms or faults.gain_db)


def _padded(chunks: Iterator[PcmChunk], faults: Faults) -> Iterator[PcmChunk]:
    first = next(chunks)
    lead = first.rate_hz * faults.leading_silence_ms // 1000
    yield PcmChunk(np.concatenate([np.zeros(lead, np.int16), first.samples]), first.rate_hz, _moved(first.marks, lead))
    for chunk in chunks:
        yield replace(chunk, marks=_moved(chunk.marks, lead))
    if faults.trailing_silence_ms:
        yield PcmChunk(np.zeros(first.rate_hz * faults.trailing_silence_ms // 1000, np.int16), first.rate_hz)


def _moved(marks: tuple[TextMark, ...], by_samples: int) -> tuple[TextMark, ...]:
    return tuple(replace(mark, sample_offset=mark.sample_offset + by_samples) for mark in marks)


def _louder(chunks: Iterator[PcmChunk], gain_db: float) -> Iterator[PcmChunk]:
    factor = 10 ** (gain_db / 20) / 32767
    for chunk in chunks:
        yield PcmChunk.from_float(chunk.samples.astype(np.float32) * factor, chunk.rate_hz, chunk.marks)


def _cut(chunks: Iterator[PcmChunk], chunk_ms: int) -> Iterator[PcmChunk]:
    """Gives pieces of the wanted length; each brings the marks that lie in it."""
    position = 0
    for chunk in chunks:
        size = max(1, chunk.rate_hz * chunk_ms // 1000)
        for start in range(0, len(chunk.samples), size):
            samples = chunk.samples[start : start + size]
            inside = range(position + start, position + start + len(samples))
            yield PcmChunk(samples, chunk.rate_hz, tuple(m for m in chunk.marks if m.sample_offset in inside))
        position += len(chunk.samples)


def _timed(chunks: Iterator[PcmChunk], faults: Faults) -> Iterator[PcmChunk]:
    time.sleep(faults.first_chunk_delay_ms / 1000)
    faults.strike("first")
    out_ms, struck = 0.0, False
    for burst in _bursts(chunks, faults.bursty):
        burst_ms = sum(len(chunk.samples) * 1000 / chunk.rate_hz for chunk in burst)
        time.sleep(faults.rtf * burst_ms / 1000)
        if out_ms >= MIDDLE_MS and not struck:
            struck = True
            faults.strike("middle")
        yield from burst
        out_ms += burst_ms
    if not struck:
        faults.strike("middle")


def _bursts(chunks: Iterator[PcmChunk], size: int) -> Iterator[list[PcmChunk]]:
    burst: list[PcmChunk] = []
    for chunk in chunks:
        burst.append(chunk)
        if len(burst) >= size:
            yield burst
            burst = []
    if burst:
        yield burst
