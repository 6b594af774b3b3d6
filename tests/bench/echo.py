"""What echo cancellation costs, and how much it takes away: one line, a voice that comes back late and quieter.

python tests/bench/echo.py [--seconds 60]
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from antiphon_core.audio import Samples
from antiphon_orchestrator.echo.canceller import BLOCK_SAMPLES
from antiphon_orchestrator.echo.webrtc_apm import WebrtcEchoProcessor, load
from antiphon_orchestrator.ports import EARS_RATE_HZ

PATHS = ((60, -20.0), (250, -20.0), (60, -6.0))
_SYLLABLE = EARS_RATE_HZ // 4


def babble(seconds: float) -> Samples:
    """Noise with the rhythm of speech: as hard to cancel, and the same everywhere."""
    noise = np.random.default_rng(7).normal(0, 1, int(seconds * EARS_RATE_HZ))
    loudness = np.abs(np.sin(np.pi * np.arange(len(noise)) / _SYLLABLE)) ** 2
    samples: Samples = (4_000 * noise * loudness).clip(-32_768, 32_767).astype(np.int16)
    return samples


def power_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-9))


def measure(far: Samples, delay_ms: int, gain_db: float) -> None:
    delay = delay_ms * EARS_RATE_HZ // 1000
    near = np.concatenate((np.zeros(delay, np.int16), far[:-delay]))
    near = (near * 10 ** (gain_db / 20)).astype(np.int16)
    processor = WebrtcEchoProcessor()
    blocks = [part[: len(far) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES) for part in (far, near)]
    began_s = time.process_time()
    left = np.concatenate([processor.process(*pair) for pair in zip(*blocks, strict=True)])
    cost_s = time.process_time() - began_s
    second, later = slice(0, EARS_RATE_HZ), slice(3 * EARS_RATE_HZ, None)
    print(
        f"| {delay_ms} ms, {gain_db:.0f} dB | {100 * cost_s * EARS_RATE_HZ / len(far):.2f} % "
        f"| {power_db(near[second]) - power_db(left[second]):.0f} dB "
        f"| {power_db(near[later]) - power_db(left[later]):.0f} dB |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What echo cancellation costs, and how much it takes away.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how much speech")
    seconds = parser.parse_args().seconds
    before_kb, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    load()
    WebrtcEchoProcessor()
    after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"loaded in {time.perf_counter() - began_s:.1f} s, {(after_kb - before_kb) / 1024:.0f} MB\n")
    print("| echo | of a core | taken away in the first second | after three |\n|---|---|---|---|")
    for delay_ms, gain_db in PATHS:
        measure(babble(seconds), delay_ms, gain_db)


if __name__ == "__main__":
    main()
