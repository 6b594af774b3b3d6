"""A caller as a program: speaks a track into a running server as if live, and keeps all it hears and is told."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from antiphon_orchestrator.cli.remote import trusting, unreachable

RATE_HZ = 24_000
FRAME_SAMPLES = RATE_HZ // 50
_LATE_S = 1.0
"""A microphone that was stopped for longer does not catch up."""
Track = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the server, and when it came, in milliseconds of the call."""

    at_ms: float
    event: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.event["type"])


@dataclass(slots=True)
class Call:
    """One call. Audio that arrives is played at once, or behind what is still playing, as a client does."""

    socket: ClientConnection
    began_s: float
    told: list[Told] = field(default_factory=list)
    heard: list[tuple[int, Track]] = field(default_factory=list)
    spoken: list[tuple[int, Track]] = field(default_factory=list)
    listeners: list[Callable[[Told], None]] = field(default_factory=list)
    _played_until: int = 0
    _due_s: float = 0.0

    @property
    def now_ms(self) -> float:
        return (time.monotonic() - self.began_s) * 1000

    @property
    def now_sample(self) -> int:
        return int((time.monotonic() - self.began_s) * RATE_HZ)

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def speak(self, track: Track) -> None:
        """Says a track in real time, one frame every 20 ms. Silence is said as well: a microphone is never closed.

        One clock paces the whole call, so that a frame that left late does not delay all that follow.
        """
        for start in range(0, len(track), FRAME_SAMPLES):
            frame = track[start : start + FRAME_SAMPLES]
            if time.monotonic() - self._due_s > _LATE_S:
                self._due_s = time.monotonic()
            self.spoken.append((round((self._due_s - self.began_s) * RATE_HZ), frame))
            await self.send("input_audio_buffer.append", audio=base64.b64encode(frame.tobytes()).decode())
            self._due_s += FRAME_SAMPLES / RATE_HZ
            await asyncio.sleep(max(0.0, self._due_s - time.monotonic()))

    async def silent_until(self, done: asyncio.Event, limit_s: float) -> bool:
        """Keeps the line open with silence. False: it took too long."""
        silence = np.zeros(FRAME_SAMPLES, np.int16)
        deadline_s = time.monotonic() + limit_s
        while not done.is_set() and time.monotonic() < deadline_s:
            await self.speak(silence)
        return done.is_set()

    async def listen(self) -> None:
        """Takes what the server sends until the connection ends."""
        try:
            async for message in self.socket:
                self._take(Told(self.now_ms, json.loads(message)))
        except ConnectionClosed:
            return

    def _take(self, told: Told) -> None:
        if told.type == "response.output_audio.delta":
            self._play(np.frombuffer(base64.b64decode(told.event["delta"]), "<i2").astype(np.int16))
        elif told.type == "input_audio_buffer.speech_started":
            self._flush()
        self.told.append(told)
        for listener in self.listeners:
            listener(told)

    def _play(self, audio: Track) -> None:
        start = max(self.now_sample, self._played_until)
        self.heard.append((start, audio))
        self._played_until = start + len(audio)

    def _flush(self) -> None:
        """Drops what is not played yet, as standard clients do when the user begins to speak."""
        now = self.now_sample
        self.heard = [(start, audio[: max(0, now - start)]) for start, audio in self.heard if start < now]
        self._played_until = now

    def event_ms(self, type_: str, after_ms: float = 0.0) -> float | None:
        """When the first such event came."""
        return next((told.at_ms for told in self.told if told.type == type_ and told.at_ms >= after_ms), None)

    def events(self, type_: str) -> list[dict[str, Any]]:
        return [told.event for told in self.told if told.type == type_]


@asynccontextmanager
async def calling(
    server: str, *, key: str = "", ca: Path | None = None, session: dict[str, Any] | None = None, resume: str = ""
) -> AsyncIterator[Call]:
    """Calls a server, such as http://127.0.0.1:8080, and hangs up in the end. `resume`: a conversation's token."""
    url = server.rstrip("/").replace("http", "ws", 1) + "/v1/realtime?antiphon_events=true"
    url += f"&antiphon_resume={resume}" if resume else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    trust = trusting(server, ca)
    try:
        async with connect(url, additional_headers=headers, compression=None, max_size=None, ssl=trust) as socket:
            call = Call(socket, time.monotonic())
            listening = asyncio.create_task(call.listen())
            try:
                await call.send("session.update", session={"type": "realtime", **(session or {})})
                yield call
            finally:
                await socket.close()
                await listening
    except InvalidStatus as error:
        reason = error.response.body.decode(errors="replace") if error.response.body else ""
        raise ConnectionError(f"{server} refused the call ({error.response.status_code}): {reason}") from error
    except OSError as error:
        raise ConnectionError(unreachable(server, error)) from error


def read_track(path: Path) -> Track:
    """A recording of any kind FFmpeg reads, as the caller speaks it."""
    try:
        with av.open(str(path), "r") as container:
            resampler = av.AudioResampler("s16", "mono", RATE_HZ)
            frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
            frames += resampler.resample(None)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ConnectionError(f"{path} cannot be read as a recording: {error}") from error
    return np.concatenate([np.zeros(0, np.int16), *(frame.to_ndarray().reshape(-1) for frame in frames)])


def laid_out(pieces: list[tuple[int, Track]], samples: int) -> Track:
    """Pieces at their places in a track."""
    track = np.zeros(samples, np.int16)
    for start, audio in pieces:
        end = min(samples, start + len(audio))
        if end > start:
            track[start:end] = audio[: end - start]
    return track
