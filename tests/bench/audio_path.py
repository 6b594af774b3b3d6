"""What a worker's audio path costs: CPU time per 20 ms of audio, by stage and by the length of the engine's chunks.

python tests/bench/audio_path.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from antiphon_core.audio import PcmChunk, PcmFormat, Samples
from antiphon_core.resample import Resampler
from antiphon_core.worker.audio_path import AudioPath
from antiphon_core.worker.framer import Framer
from antiphon_core.worker.leveller import Leveller
from antiphon_core.worker.trim import Trimmer, TrimSettings

ENGINE_RATE_HZ, WIRE_RATE_HZ = 24_000, 48_000
SECONDS, ROUNDS = 10, 7
CHUNKS_MS = (20, 100, 3_000)

Push = Callable[[PcmChunk], object]


def speech() -> Samples:
    """Noise with the rise and fall of speech, and pauses."""
    count = ENGINE_RATE_HZ * SECONDS
    envelope = np.clip(np.sin(2 * np.pi * 0.4 * np.arange(count) / ENGINE_RATE_HZ), 0, 1) ** 0.5
    return np.clip(np.random.default_rng(0).normal(0, 3_000, count) * envelope, -32768, 32767).astype(np.int16)


def stages() -> dict[str, Callable[[], Push]]:
    """Makes each stage anew, as every utterance does. The noise peaks at -9 dBFS: +20 dB keeps the limiter busy."""
    wire = PcmFormat(WIRE_RATE_HZ)

    def leveller(gain_db: float) -> Push:
        stage = Leveller(ENGINE_RATE_HZ, gain_db)
        return lambda chunk: stage.push(chunk.samples)

    def resampler() -> Push:
        stage = Resampler(ENGINE_RATE_HZ, WIRE_RATE_HZ)
        return lambda chunk: stage.push(chunk.samples)

    return {
        "level, limiter idle": partial(leveller, 0.0),
        "level, limiter busy": partial(leveller, 20.0),
        "trim": lambda: Trimmer(ENGINE_RATE_HZ, TrimSettings()).push,
        "resample 24 to 48 kHz": resampler,
        "resample and frame": lambda: Framer(wire).push,
        "the whole path": lambda: AudioPath(wire, gain_db=0.0).push,
        "the whole path, limiter busy": lambda: AudioPath(wire, gain_db=20.0).push,
    }


def cpu_us_per_20_ms(make: Callable[[], Push], samples: Samples, chunk_ms: int) -> float:
    """The best round: whatever else the machine does only adds."""
    size = ENGINE_RATE_HZ * chunk_ms // 1000
    chunks = [PcmChunk(samples[start : start + size], ENGINE_RATE_HZ) for start in range(0, len(samples), size)]
    rounds = []
    for _ in range(ROUNDS):
        push = make()
        begin = time.thread_time()
        for chunk in chunks:
            push(chunk)
        rounds.append(time.thread_time() - begin)
    return min(rounds) / (SECONDS * 50) * 1e6


def main() -> None:
    samples = speech()
    print("us of CPU per 20 ms of audio, engine's chunks of", ", ".join(f"{chunk_ms} ms" for chunk_ms in CHUNKS_MS))
    for name, make in stages().items():
        costs = (f"{cpu_us_per_20_ms(make, samples, chunk_ms):8.1f}" for chunk_ms in CHUNKS_MS)
        print(f"{name:30}", *costs)


if __name__ == "__main__":
    main()
