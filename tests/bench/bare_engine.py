"""An engine with nothing around it, in a process of its own: what a worker is compared with.

Takes a worker's flags. Reads requests, one JSON object a line, and answers each with one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from typing import Any

import psutil
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.models import Model, SpeechRequest
from antiphon_core.worker.hosting import loader_for
from antiphon_core.worker.loading import Loaded
from antiphon_core.worker.plugins import load_adapter
from antiphon_core.worker.settings import WorkerSettings
from antiphon_core.worker.threads import Slot

SEED = 1
"""So that an engine that takes one says the same at the same length, alone and behind its worker."""


def speak(model: Model, text: str) -> dict[str, float]:
    """One utterance: when its first chunk came, its longest wait for a chunk, and how much audio it is."""
    voice = model.info.voice("")
    began_s = last_s = time.perf_counter()
    first_ms = longest_ms = audio_s = 0.0
    for chunk in model.synthesize(SpeechRequest(text, voice.id, voice.languages[0], seed=SEED)):
        now_s = time.perf_counter()
        first_ms = first_ms or (now_s - began_s) * 1000
        longest_ms = max(longest_ms, (now_s - last_s) * 1000)
        last_s = now_s
        audio_s += len(chunk.samples) / chunk.rate_hz
    return {"first_ms": first_ms, "longest_ms": longest_ms, "audio_s": audio_s}


async def answer(request: dict[str, Any], loaded: Loaded, slots: list[Slot]) -> dict[str, float]:
    if "text" in request:
        return await loaded.slot.run(lambda: speak(loaded.model, request["text"]))
    texts, parallel = request["texts"], request["parallel"]
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    shares = [slot.run(lambda: [speak(loaded.model, text) for text in texts]) for slot in slots[:parallel]]
    said = [utterance for share in await asyncio.gather(*shares) for utterance in share]
    return {
        "audio_s": sum(utterance["audio_s"] for utterance in said),
        "first_ms": statistics.median(utterance["first_ms"] for utterance in said),
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": time.process_time() - began_cpu_s,
        "rss_bytes": psutil.Process().memory_info().rss,
    }


async def main(flags: dict[str, Any]) -> None:
    live = LiveSettings(WorkerSettings, flags)
    loader = loader_for(load_adapter(live.now.adapter), live)
    models = {info.id: info for info in loader.list_models()}
    began_s = time.perf_counter()
    loaded = await loader.load(
        models[live.now.models[0] if live.now.models else next(iter(models))], lambda stage: None
    )
    slots = [loaded.slot, *(Slot("bare") for _ in range(7))]
    told = {"load_s": time.perf_counter() - began_s, "rss_bytes": psutil.Process().memory_info().rss}
    print(json.dumps(told), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(json.loads(line), loaded, slots)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_flags(parser, WorkerSettings)
    asyncio.run(main(given_flags(parser.parse_args(), WorkerSettings)))
