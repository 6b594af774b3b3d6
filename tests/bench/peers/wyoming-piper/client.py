"""wyoming-piper in processes of its own: starts the server, and answers requests, one JSON object a line, with one.

python client.py VOICE FOLDER-WITH-ITS-FILES
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time

import psutil
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

READY_S = 60.0


async def speak(port: int, text: str) -> dict[str, float]:
    """One utterance on a connection of its own, as Home Assistant asks for it."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        began_s, first_ms, audio_s = time.perf_counter(), 0.0, 0.0
        await client.write_event(Synthesize(text=text).event())
        while (event := await client.read_event()) is not None and not AudioStop.is_type(event.type):
            if AudioChunk.is_type(event.type):
                first_ms = first_ms or (time.perf_counter() - began_s) * 1000
                audio_s += AudioChunk.from_event(event).seconds
    return {"first_ms": first_ms, "audio_s": audio_s}


async def answer(port: int, server: psutil.Process, request: dict[str, object]) -> dict[str, float]:
    texts, parallel = list(request["texts"]), int(request["parallel"])  # type: ignore[call-overload]

    async def caller() -> list[dict[str, float]]:
        return [await speak(port, text) for text in texts]

    began_s = time.perf_counter()
    said = [utterance for each in await asyncio.gather(*(caller() for _ in range(parallel))) for utterance in each]
    return {
        "wall_s": time.perf_counter() - began_s,
        "audio_s": sum(utterance["audio_s"] for utterance in said),
        "first_ms": sorted(utterance["first_ms"] for utterance in said)[len(said) // 2],
        "rss_bytes": server.memory_info().rss,
    }


async def ready(port: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while True:
        try:
            async with AsyncTcpClient("127.0.0.1", port) as client:
                await client.write_event(Describe().event())
                event = await client.read_event()
                if event is not None and Info.is_type(event.type):
                    return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(0.1)


async def serve(port: int, server: psutil.Process, began_s: float) -> None:
    await ready(port)
    await speak(port, "Hello.")  # it loads the voice only now
    print(json.dumps({"load_s": time.perf_counter() - began_s}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(port, server, json.loads(line))), flush=True)


def main(voice: str, folder: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began_s = time.perf_counter()
    command = [sys.executable, "-m", "wyoming_piper", "--uri", f"tcp://127.0.0.1:{port}", "--voice", voice]
    server = subprocess.Popen([*command, "--data-dir", folder, "--download-dir", folder])
    try:
        asyncio.run(serve(port, psutil.Process(server.pid), began_s))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
