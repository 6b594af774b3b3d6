"""A server that serves the page and sends all it hears straight back: what is left is the page and the way."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
from antiphon_orchestrator.api.hosting import WebServer, web_config
from antiphon_orchestrator.api.page import Page
from antiphon_orchestrator.api.realtime.webrtc_doors import Doors
from antiphon_orchestrator.api.realtime.webrtc_ears import PacketEars
from antiphon_orchestrator.api.realtime.webrtc_peer import Peer
from antiphon_orchestrator.api.realtime.webrtc_voice import VoiceLine
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

ITEM = "item_echo"
FRAME_MS = 20
RATE_HZ = 24_000
LEAD_FRAMES = 3
MOST_WAITING = 2
"""What a stall brings all at once shall not be late for good."""
_SESSION = {"type": "session.created", "session": {"id": "sess_echo"}}
_ANSWER = {"type": "response.output_item.added", "item": {"id": ITEM, "type": "message", "role": "assistant"}}
_BEGINS = (_SESSION, _ANSWER, {"type": "output_audio_buffer.started"})


class EchoServer:
    """`clock`: other than 1, it does not echo but speaks by itself, by a clock that is so much slower."""

    def __init__(self, clock: float = 1.0) -> None:
        self._clock = clock
        self._peers: list[Peer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        nothing = Route("/v1/{list:str}", self._nothing)
        self.app = Starlette(
            routes=[
                *Page(self._plain).routes(),
                WebSocketRoute("/v1/realtime", self._talk),
                Route("/v1/realtime/calls", self._call, methods=["POST"]),
                nothing,
            ]
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address."""
        with socket.create_server(("127.0.0.1", 0)) as bound:
            web = WebServer(web_config(self.app, 1 << 24))
            running = asyncio.create_task(web.serve(sockets=[bound]))
            try:
                yield f"http://127.0.0.1:{bound.getsockname()[1]}"
            finally:
                for peer in self._peers:
                    await peer.close()
                await asyncio.gather(*self._tasks)
                web.should_exit = True
                await running

    async def _plain(self, _: Request) -> Response:
        return PlainTextResponse("echo\n")

    async def _nothing(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": []})

    async def _talk(self, socket: WebSocket) -> None:
        await socket.accept("realtime")
        for event in _BEGINS:
            await socket.send_json(event)
        speaking = asyncio.create_task(self._speak(socket)) if self._clock != 1.0 else None
        with suppress(WebSocketDisconnect):
            while True:
                event = json.loads(await socket.receive_text())
                if event["type"] == "input_audio_buffer.append" and speaking is None:
                    await socket.send_json(_delta(event["audio"]))
        if speaking is not None:
            speaking.cancel()

    async def _speak(self, socket: WebSocket) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        samples = 8_000 * np.sin(2 * np.pi * 220 / RATE_HZ * np.arange(RATE_HZ * FRAME_MS // 1000 * 11))
        frames = np.rint(samples).astype("<i2").reshape(11, -1)
        number = 0
        while True:
            due_s = began_s + (number - LEAD_FRAMES) * FRAME_MS / 1000 * self._clock
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await socket.send_json(_delta(base64.b64encode(frames[number % 11].tobytes()).decode()))
            number += 1

    async def _call(self, request: Request) -> Response:
        voice = VoiceLine(lambda: None)
        peer = Peer(voice, PacketEars(_Mirror(voice).hear), Doors())
        self._peers.append(peer)
        answer = await peer.answer((await request.body()).decode())
        greeting = asyncio.create_task(_greet(peer))
        self._tasks.add(greeting)
        return Response(answer, 201, media_type="application/sdp")


class _Mirror:
    """Between the ears and the voice of one call: what was heard, said again in frames."""

    def __init__(self, voice: VoiceLine) -> None:
        self._voice = voice
        self._pcm = b""
        self._has_begun = False

    def hear(self, samples: HeardSamples) -> None:
        frame_bytes = 2 * EARS_RATE_HZ * FRAME_MS // 1000
        self._pcm += np.rint(samples * 32_767).astype("<i2").tobytes()
        if not self._has_begun:  # the resampler keeps a little back: no frame shall wait for the next one because of it
            self._pcm = self._pcm.rjust(frame_bytes, b"\0")
            self._has_begun = True
        while len(self._pcm) >= frame_bytes:
            frame, self._pcm = self._pcm[:frame_bytes], self._pcm[frame_bytes:]
            if self._voice.waiting < MOST_WAITING:
                self._voice.push(frame)


async def _greet(peer: Peer) -> None:
    for event in _BEGINS:
        await peer.send(json.dumps(event))


def _delta(audio: str) -> dict[str, str]:
    return {"type": "response.output_audio.delta", "item_id": ITEM, "delta": audio}
