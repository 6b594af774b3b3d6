"""What the ears cost on this machine: `python tests/bench/ears.py`, or with `--sessions 3` several users at once.

Needs the orchestrator installed and its models in the store (they are fetched the first time). Times are milliseconds
of wall clock; "cold" is the first call after loading, which the engines make themselves when they are built.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import wave
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from antiphon_core.store import Store, catalogue_of, load_catalogue
from antiphon_orchestrator.asr.gated import GatedAsr
from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.asr.moonshine import MoonshineAsr
from antiphon_orchestrator.ports import EARS_RATE_HZ, Asr, HeardSamples
from antiphon_orchestrator.turndetector.features import log_mel
from antiphon_orchestrator.turndetector.smart_turn import SmartTurn
from antiphon_orchestrator.vad.silero import Silero

CLIPS = Path(__file__).parents[2] / "orchestrator" / "tests" / "clips.yaml"
WINDOW = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=20, help="calls per figure")
    parser.add_argument("--sessions", type=int, default=3, help="users who speak at the same time")
    asyncio.run(measure(parser.parse_args()))


async def measure(options: argparse.Namespace) -> None:
    store, catalogue = Store(), catalogue_of("antiphon_orchestrator")
    folders = {name: store.get(catalogue.entry(name)) for name in ("silero-vad", "smart-turn", "moonshine-tiny-en")}
    clip = speech(store)
    print(f"{'':42} {'p50':>8} {'p95':>8} {'max':>8}  ms")
    with loading("silero"):
        silero = Silero(folders["silero-vad"])
    vad = silero.stream()
    windows = [clip[start : start + WINDOW] for start in range(0, len(clip) - WINDOW, WINDOW)]
    row("VAD, a window of 32 ms", [timed(partial(vad.probability, window)) for window in windows * 3])

    with loading("smart-turn"):
        detector = SmartTurn(folders["smart-turn"])
    for seconds in (1, 3, 8):
        turn = clip[: seconds * EARS_RATE_HZ]
        row(
            f"smart-turn, features of {seconds} s",
            [timed(partial(log_mel, turn)) for _ in range(options.repeat)],
        )
        row(
            f"smart-turn, a decision about {seconds} s",
            [await atimed(partial(detector.finished_probability, turn)) for _ in range(options.repeat)],
        )

    with loading("moonshine"):
        moonshine = MoonshineAsr(folders["moonshine-tiny-en"])
    asr = GatedAsr(moonshine, silero.stream)
    for seconds in (1, 3, 8, 11):
        # Each time a little softer: the same audio again would find its own draft.
        utterances = [
            clip[-seconds * EARS_RATE_HZ :] * np.float32(1 - number / 1000) for number in range(options.repeat)
        ]
        costs = [await atimed(partial(asr.transcribe, utterance)) for utterance in utterances]
        row(f"moonshine, an utterance of {seconds} s", costs)

    for sessions in sorted({1, options.sessions}):
        await conversations(sessions, clip, silero, asr)
    print(f"RSS {psutil.Process().memory_info().rss / 2**20:.0f} MB")
    for engine in (moonshine, asr, detector):
        engine.close()


async def conversations(sessions: int, clip: HeardSamples, silero: Silero, asr: Asr) -> None:
    """Users speak at once in real time; how late the words are after a pause of 96 ms, and how late the loop gets."""
    waits: list[float] = []
    lateness: list[float] = []
    cpu_s, began_s = process_s(), time.perf_counter()
    async with asyncio.TaskGroup() as users:
        for number in range(sessions):
            users.create_task(converse(number / sessions, clip, silero, asr, waits, lateness))
    share = (process_s() - cpu_s) / (time.perf_counter() - began_s) / sessions
    row(f"{sessions} at once: words after the first pause", waits)
    row(f"{sessions} at once: the loop is late by", lateness)
    print(f"{sessions} at once: {100 * share:.0f} % of a core for a user who speaks all the time")


async def converse(
    delay_s: float, clip: HeardSamples, silero: Silero, asr: Asr, waits: list[float], lateness: list[float]
) -> None:
    await asyncio.sleep(delay_s)
    listening, vad = Listening(asr, lambda text: None, lambda: time.monotonic() * 1000), silero.stream()
    working = asyncio.create_task(listening.run())
    for _ in range(3):
        turn = listening.begin(listening.position)
        next_s = time.monotonic()
        audio = np.concatenate([clip, np.zeros(3 * WINDOW, np.float32)])
        for start in range(0, len(audio) - WINDOW + 1, WINDOW):
            window = audio[start : start + WINDOW]
            listening.feed(window, vad.probability(window) > 0.5)
            next_s += WINDOW / EARS_RATE_HZ
            await asyncio.sleep(max(0, next_s - time.monotonic()))
            lateness.append((time.monotonic() - next_s) * 1000)
        waits.append(await atimed(partial(listening.final, turn)))
        listening.commit()
    working.cancel()


def speech(store: Store) -> HeardSamples:
    folder = store.get(load_catalogue(CLIPS).entry("jfk"))
    with wave.open(str(folder / "jfk.wav")) as clip:
        return (np.frombuffer(clip.readframes(clip.getnframes()), "<i2") / 32768).astype(np.float32)


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Says what a model costs to load, and in memory."""
    before_bytes, began_s = psutil.Process().memory_info().rss, time.perf_counter()
    yield
    took_ms = (time.perf_counter() - began_s) * 1000
    grew_mb = (psutil.Process().memory_info().rss - before_bytes) / 2**20
    print(f"{f'{name}, loaded and warm':42} {took_ms:8.0f} {'':17}  ms, +{grew_mb:.0f} MB")


def timed(call: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    call()
    return (time.perf_counter() - began_s) * 1000


async def atimed(call: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await call()
    return (time.perf_counter() - began_s) * 1000


def process_s() -> float:
    used = psutil.Process().cpu_times()
    return float(used.user + used.system)


def row(name: str, costs_ms: list[float]) -> None:
    p50, p95, worst = np.percentile(costs_ms, [50, 95, 100])
    print(f"{name:42} {p50:8.2f} {p95:8.2f} {worst:8.2f}")


if __name__ == "__main__":
    main()
