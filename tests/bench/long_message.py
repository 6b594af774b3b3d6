"""How long one message with 8 MB of audio keeps everybody else waiting: gaps in the event loop of a server whose models
are scripted. Wall time, and the CPU time of the loop's thread, which includes no waiting for a place on a busy machine.

python tests/bench/long_message.py
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from typing import Any

import uvloop
from antiphon_orchestrator.ports import Transcript
from antiphon_orchestrator.testing.ears import ScriptedAsr
from antiphon_orchestrator.testing.server import Scripted, eventually, serving
from websockets.asyncio.client import connect

ROUNDS = 10
AUDIO_BYTES = 8 * 1024 * 1024


async def send(url: str) -> None:
    """The client, in a process of its own: says when it begins, and when all has been taken."""
    audio = base64.b64encode(os.urandom(AUDIO_BYTES)).decode()
    message = json.dumps({"type": "input_audio_buffer.append", "audio": audio})
    async with connect(url, compression=None, max_size=None) as socket:
        await socket.recv()
        await socket.send('{"type": "session.update", "session": {"audio": {"input": {"turn_detection": null}}}}')
        while json.loads(await socket.recv())["type"] != "session.updated":
            pass
        print("begin", flush=True)
        await socket.send(message)
        await socket.send('{"type": "input_audio_buffer.clear"}')
        while json.loads(await socket.recv())["type"] != "input_audio_buffer.cleared":
            pass
        print("end", flush=True)


class Deaf(ScriptedAsr):
    """Costs nothing: real recognisers work beside the event loop, a scripted one on it."""

    async def transcribe(self, *_: Any, **__: Any) -> Transcript:
        return Transcript("")


class Gaps:
    """The longest time that passed between two turns of the event loop."""

    def __init__(self) -> None:
        self.wall_ms = self.cpu_ms = 0.0

    async def watch(self) -> None:
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            now_s, used_s = time.perf_counter(), time.thread_time()
            self.wall_ms = max(self.wall_ms, (now_s - wall_s) * 1000)
            self.cpu_ms = max(self.cpu_ms, (used_s - cpu_s) * 1000)
            wall_s, cpu_s = now_s, used_s


async def one_round(url: str) -> Gaps:
    """The worst gap while one such message is taken."""
    client = await asyncio.create_subprocess_exec(sys.executable, __file__, url, stdout=asyncio.subprocess.PIPE)
    assert client.stdout is not None
    await client.stdout.readline()
    gaps = Gaps()
    watching = asyncio.create_task(gaps.watch())
    try:
        assert await client.stdout.readline() == b"end\n"
    finally:
        watching.cancel()
    await client.wait()
    return gaps


async def main() -> None:
    async with serving(Scripted(asr=Deaf())) as server:
        rounds = []
        for _ in range(ROUNDS):
            rounds.append(await one_round(f"ws://127.0.0.1:{server.port}/v1/realtime"))
            await eventually(lambda: not len(server.server.conversations))
    print(f"the longest gap while {AUDIO_BYTES >> 20} MB of audio come in one message, {ROUNDS} rounds")
    for name, of_round in (("wall", [gaps.wall_ms for gaps in rounds]), ("CPU", [gaps.cpu_ms for gaps in rounds])):
        print(f"{name:5} {min(of_round):6.1f} .. {max(of_round):6.1f} ms")


if __name__ == "__main__":
    uvloop.run(send(sys.argv[1]) if sys.argv[1:] else main())
