"""A WebRTC client for tests: aiortc on the other end, with a microphone, a loudspeaker and a data channel."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiortc
import av
import httpx
import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamError
from antiphon_core.resample import Resampler

from antiphon_orchestrator.api.realtime.webrtc_doors import Doors
from antiphon_orchestrator.api.realtime.webrtc_ice import open_through
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.testing.protocol import check_server_event

RATE_HZ = 48_000
FRAME = RATE_HZ // 50


class Microphone(aiortc.MediaStreamTrack):
    """Says what it was given, silence otherwise."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._unsaid: deque[npt.NDArray[np.int16]] = deque()
        self._ticks = 0
        self._due_s = 0.0

    def say(self, samples: HeardSamples) -> None:
        resampler = Resampler(EARS_RATE_HZ, RATE_HZ)
        pcm = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)
        pcm = np.concatenate((resampler.push(pcm), resampler.finish()))
        pcm = np.concatenate((pcm, np.zeros(-len(pcm) % FRAME, np.int16)))
        self._unsaid.extend(pcm.reshape(-1, FRAME))

    async def recv(self) -> Any:
        now_s = asyncio.get_running_loop().time()
        self._due_s = max(self._due_s, now_s - 0.1) + 0.02
        await asyncio.sleep(max(0.0, self._due_s - now_s))
        pcm = self._unsaid.popleft() if self._unsaid else np.zeros(FRAME, np.int16)
        frame = av.AudioFrame("s16", "mono", FRAME)
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._ticks, Fraction(1, RATE_HZ)
        frame.planes[0].update(pcm.tobytes())
        self._ticks += FRAME
        return frame


@dataclass
class RtcCaller:
    """One call; `told` is every event that came, each checked against the protocol."""

    http: httpx.AsyncClient
    connection: aiortc.RTCPeerConnection = field(
        default_factory=lambda: aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    )
    microphone: Microphone = field(default_factory=Microphone)
    told: list[dict[str, Any]] = field(default_factory=list)
    heard: list[npt.NDArray[np.int16]] = field(default_factory=list)
    location: str = ""
    with_events: bool = True

    def __post_init__(self) -> None:
        self._news = asyncio.Event()
        if self.with_events:
            self.channel = self.connection.createDataChannel("oai-events")
            self.channel.on("message", self._take)
        self.connection.on("track", self._listen)
        self.connection.addTrack(self.microphone)
        self._listening: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        sctp = self.connection.sctp
        transports = {sender.transport for sender in self.connection.getSenders()} | (
            {sctp.transport} if sctp else set()
        )
        for transport in transports:
            open_through(transport.transport.iceGatherer._connection, Doors())  # also where there is no network
        await self.connection.setLocalDescription()
        return str(self.connection.localDescription.sdp)

    async def call(self, query: str = "") -> None:
        """Dials, and waits until the session begins."""
        headers = {"Content-Type": "application/sdp"}
        await self.take(await self.http.post(f"/v1/realtime/calls{query}", content=await self.offer(), headers=headers))
        await self.until("session.created")

    async def take(self, answer: httpx.Response) -> None:
        """The server's answer to the offer."""
        assert answer.status_code == 201, answer.text
        self.location = answer.headers["Location"]
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(answer.text, "answer"))

    def send(self, type_: str, **fields: Any) -> None:
        self.channel.send(json.dumps({"type": type_, **fields}))

    def write(self, text: str) -> None:
        """The user types something and wants an answer."""
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")

    async def until(self, type_: str, limit_s: float = 30.0, *, times: int = 1) -> dict[str, Any]:
        async with asyncio.timeout(limit_s):
            while len(found := [event for event in self.told if event["type"] == type_]) < times:
                self._news.clear()
                await self._news.wait()
        return found[times - 1]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.told]

    @property
    def audio(self) -> npt.NDArray[np.int16]:
        """All that the loudspeaker played, at 48 kHz."""
        return np.concatenate([np.zeros(0, np.int16), *self.heard])

    async def close(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            await self._listening

    def _take(self, message: str) -> None:
        event = json.loads(message)
        check_server_event(event)
        self.told.append(event)
        self._news.set()

    def _listen(self, track: aiortc.MediaStreamTrack) -> None:
        self._listening = asyncio.ensure_future(self._hear(track))

    async def _hear(self, track: aiortc.MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                self.heard.append(np.frombuffer(bytes(frame.planes[0]), np.int16)[: 2 * frame.samples : 2])
        except MediaStreamError:
            return


@asynccontextmanager
async def calling(http: httpx.AsyncClient, query: str = "") -> AsyncIterator[RtcCaller]:
    """A call that is up; it is hung up in the end."""
    caller = RtcCaller(http)
    try:
        await caller.call(query)
        yield caller
    finally:
        await caller.close()
