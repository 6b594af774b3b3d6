"""What the page costs and how fast it is: `python tests/bench/browser.py [PART ...]`; `--help` names the rest.

Parts: paint, echo, stop, cost, drift; all but drift, which takes its minutes, without an argument.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from antiphon_core.resample import Resampler
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint
from playwright.async_api import async_playwright

sys.path.insert(0, str(Path(__file__).parent / "conversation"))

from browser_echo import EchoServer
from tables import figure, row

from tests.browser.visit import Heard, Samples, Visit, visiting
from tests.e2e.house import up
from tests.e2e.mind import answer

RATE_HZ = 24_000
BURSTS = 20
INTERRUPTIONS = 10


@asynccontextmanager
async def page_at(url: str, **wishes: Any) -> AsyncIterator[Visit]:
    """The page in a Chromium of its own."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is not here: install it (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with async_playwright() as browser, visiting(browser, chromium, url, place, place, **wishes) as visit:
            yield visit


async def measure_paint(_: argparse.Namespace) -> None:
    """The page's own, on a warm browser; and its weight."""
    async with EchoServer().serving() as url, page_at(url) as visit:
        await asyncio.sleep(0.5)
        weight = await visit.page.evaluate(
            "performance.getEntries().map((entry) => entry.decodedBodySize ?? 0).reduce((one, other) => one + other)"
        )
        paints = []
        for _round in range(10):
            await visit.page.reload()
            await asyncio.sleep(0.5)
            paints.append(
                await visit.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
        row("first paint", paints, reach="300 ms")
        figure("weight", f"{weight / 1000:.0f} kB", "150 kB")


async def measure_echo(_: argparse.Namespace) -> None:
    """From the microphone's node to the loudspeaker's, both in the page's audio graph."""
    gaps = np.random.default_rng(3).uniform(0.35, 0.55, BURSTS)
    track = bytes(6 * RATE_HZ) + b"".join(burst().tobytes() + bytes(2 * round(gap * RATE_HZ)) for gap in gaps)
    for transport, reach in (("websocket", "p50 60 ms"), ("webrtc", "p50 160 ms")):
        settings = {"transport": transport}
        async with EchoServer().serving() as url, page_at(url, microphone=track, settings=settings) as visit:
            await visit.begin()
            await asyncio.sleep(len(track) / 2 / RATE_HZ + 1.5)
            row(f"microphone to loudspeaker, {transport}", delays_ms(await visit.heard()), reach=reach)
            if transport == "websocket":
                figure(
                    "its underruns, and its stock at the end",
                    f"{await visit.figure('underruns')}, {await visit.figure('buffer')}",
                )


def burst() -> Samples:
    """150 ms of a voice's harmonics: it passes whatever a browser does against noise."""
    at = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * 140 * harmonic * at) / harmonic for harmonic in range(1, 12))
    made: Samples = np.rint(9_000 * voice).astype(np.int16)
    return made


def delays_ms(heard: Heard) -> list[float]:
    """How long after each burst its echo begins."""
    said, answered = onsets_s(heard.microphone, heard.rate_hz), onsets_s(heard.loudspeaker, heard.rate_hz)
    found = ((onset, next((echo for echo in answered if echo > onset), None)) for onset in said)
    return [(echo - onset) * 1000 for onset, echo in found if echo is not None and echo - onset < 0.4]


def onsets_s(samples: Samples, rate_hz: int, apart_s: float = 0.1) -> list[float]:
    """Where sound begins after silence."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 1_000)
    if not len(loud):
        return []
    begins = loud[np.r_[True, np.diff(loud) > apart_s * rate_hz]]
    return [float(begin) / rate_hz for begin in begins]


async def measure_stop(wishes: argparse.Namespace) -> None:
    """From the first sound of an interruption to the last of the answer, both in the page's graph; real models."""
    mind = ChatEndpoint(otherwise=answer)
    async with mind.serve() as mind_url, up("--mind", "openai", "--mind-url", mind_url, "--mind-model", "any") as house:
        story = await asyncio.to_thread(house.speak, "Please tell me all about the sea.")
        stop = await asyncio.to_thread(house.speak, "Stop, please.")
        quiet = bytes(2 * RATE_HZ)
        round_ = story + 4 * quiet + higher(stop) + 5 * quiet
        settings = {"transport": wishes.transport}
        async with page_at(house.url, microphone=2 * quiet + INTERRUPTIONS * round_, settings=settings) as visit:
            await visit.begin()
            await asyncio.sleep(len(round_) / 2 / RATE_HZ * INTERRUPTIONS + 3)
            heard = await visit.heard()
    row(f"spoken interruption to silence, {wishes.transport}", stops_ms(heard), reach="p95 200 ms")


def higher(pcm: bytes) -> bytes:
    """Another voice: not the machine's own, which an echo canceller would take for its echo."""
    resampler = Resampler(round(RATE_HZ * 1.16), RATE_HZ)
    samples = np.frombuffer(pcm, "<i2").astype(np.int16)
    return np.concatenate((resampler.push(samples), resampler.finish())).astype("<i2").tobytes()


def stops_ms(heard: Heard) -> list[float]:
    """The user's sentences come in pairs: a question, and an interruption of its answer."""
    loud = np.flatnonzero(np.abs(heard.loudspeaker.astype(np.int32)) > 300) / heard.rate_hz
    stops = []
    for onset_s in onsets_s(heard.microphone, heard.rate_hz, apart_s=1.5)[1::2]:
        during = loud[(loud > onset_s - 0.5) & (loud < onset_s + 2.0)]
        breaks = np.flatnonzero(np.diff(during) > 0.35)
        if len(during):
            stops.append(float(during[breaks[0]] if len(breaks) else during[-1]) - onset_s)
    return [stop * 1000 for stop in stops if stop > 0]


async def measure_cost(_: argparse.Namespace) -> None:
    """Processor time of the whole browser while sound goes both ways, and while nothing is going on."""
    track = np.tile(burst(), 400).astype("<i2").tobytes()
    async with EchoServer().serving() as url, page_at(url, microphone=track) as visit:
        await asyncio.sleep(2)
        before = await cores_used(5)
        await visit.begin()
        await asyncio.sleep(3)
        figure("one core's share, page open and idle", f"{100 * before:.1f} %")
        figure("one core's share, sound both ways and timeline", f"{100 * await cores_used(10):.1f} %")


async def cores_used(seconds: float) -> float:
    """By those processes of the browser that live so long."""

    def spent_s() -> dict[int, float]:
        tree = [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]
        return {process.pid: sum(process.cpu_times()[:2]) for process in tree}

    before = spent_s()
    await asyncio.sleep(seconds)
    return sum(spent - before[pid] for pid, spent in spent_s().items() if pid in before) / seconds


async def measure_drift(wishes: argparse.Namespace) -> None:
    """The buffer's fill, told once a second, while the server's clock is slower or faster."""
    for ppm in wishes.ppm:
        clock = 1 + ppm * 1e-6
        async with EchoServer(clock).serving() as url, page_at(url) as visit:
            await visit.begin()
            fills = []
            for _second in range(wishes.minutes * 60):
                await asyncio.sleep(1)
                fills += [float(number) for number in re.findall(r"\d+", await visit.figure("buffer"))]
            row(f"fill with a clock of {ppm:+d} ppm", fills[3:])
            first, last = np.median(fills[3:63]), np.median(fills[-60:])
            figure("the same in the first and in the last minute", f"p50 {first:.0f} and {last:.0f} ms", "no trend")
            figure("underruns", await visit.figure("underruns"), "0")


PARTS: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, None]]] = {
    "paint": measure_paint,
    "echo": measure_echo,
    "stop": measure_stop,
    "cost": measure_cost,
    "drift": measure_drift,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--minutes", type=int, default=10, help="how long drift lasts, for each clock (default: 10)")
    parser.add_argument("--ppm", type=int, nargs="+", default=[200, -200], help="by how much a clock is slower")
    parser.add_argument("--transport", choices=["websocket", "webrtc"], default="websocket", help="for stop")
    wishes = parser.parse_args()
    print(f"load before: {', '.join(f'{load:.1f}' for load in psutil.getloadavg())}")
    for part in wishes.parts or [part for part in PARTS if part != "drift"]:
        print(f"\n{part}")
        asyncio.run(PARTS[part](wishes))


if __name__ == "__main__":
    main()
