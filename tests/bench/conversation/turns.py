"""From the end of speech to the first audible sound of the answer."""

from __future__ import annotations

import asyncio

import numpy as np
from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Track, calling
from antiphon_orchestrator.cli.talk import first_audible_ms, speech_end
from processes import up
from tables import row
from voices import QUESTIONS, spoken

TURNS = 40
TURNS_A_CALL = 10
LISTENED_S = 3.0
ANSWER_S = 15.0


async def measure_one() -> None:
    """One session at a time."""
    async with up() as running:
        tracks = list((await asyncio.to_thread(spoken, running.url, QUESTIONS)).values())
        latencies: list[float] = []
        for _ in range(TURNS // TURNS_A_CALL):
            latencies += await one_call(running.url, tracks)
        row("end of speech -> first audible sound", latencies, reach="p50 <= 400, p95 <= 700")


async def measure_three() -> None:
    """Three sessions that speak at the same time."""
    async with up() as running:
        tracks = list((await asyncio.to_thread(spoken, running.url, QUESTIONS)).values())
        turned = [tracks[place:] + tracks[:place] for place in (0, 3, 6)]
        found = await asyncio.gather(*(one_call(running.url, turn) for turn in turned))
        row("the same, three sessions at once", [value for values in found for value in values], reach="p50 <= 700")


async def one_call(url: str, tracks: list[Track]) -> list[float]:
    """One conversation; each answer is listened to for a while."""
    latencies = []
    async with calling(url) as call:
        await silence(call, 0.5)
        for track in tracks:
            said_ms = call.now_ms + speech_end(track) * 1000 / RATE_HZ
            await call.speak(track)
            heard_ms = await first_sound(call, said_ms)
            if heard_ms is not None:
                latencies.append(heard_ms - said_ms)
            await silence(call, LISTENED_S)
            await call.send("response.cancel")
            await silence(call, 0.8)
    return latencies


async def first_sound(call: Call, after_ms: float) -> float | None:
    """Waits for the first audible sound; None: none came."""
    deadline_ms = call.now_ms + ANSWER_S * 1000
    while call.now_ms < deadline_ms:
        heard_ms = first_audible_ms(call, after_ms)
        if heard_ms is not None:
            return heard_ms
        await silence(call, 0.02)
    return None


async def silence(call: Call, seconds: float) -> None:
    await call.speak(np.zeros(int(seconds * RATE_HZ), np.int16))
