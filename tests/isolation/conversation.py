"""One conversation over the Realtime protocol, in which the caller changes the voice from turn to turn."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import numpy as np
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

RATE_HZ = 24_000


@dataclass(slots=True)
class Answer:
    """What the caller got for one turn."""

    transcript: str = ""
    pcm: bytes = b""
    status: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / RATE_HZ

    @property
    def loudness(self) -> float:
        """Root of the mean square; 1 is full scale."""
        samples = np.frombuffer(self.pcm, "<i2").astype(np.float64) / 32768
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


async def hold(server: str, turns: Sequence[tuple[str, str]]) -> list[Answer]:
    """The answers to (voice, text) after (voice, text), all on one connection."""
    client = AsyncOpenAI(
        base_url=f"{server}/v1", websocket_base_url=f"{server.replace('http', 'ws', 1)}/v1", api_key="none"
    )
    async with client.realtime.connect(model="gpt-realtime") as connection:
        return [await _turn(connection, voice, text) for voice, text in turns]


async def _turn(connection: AsyncRealtimeConnection, voice: str, text: str) -> Answer:
    await connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": voice}}})
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    await connection.response.create()
    answer = Answer()
    async for event in connection:
        if event.type == "response.output_audio.delta":
            answer.pcm += base64.b64decode(event.delta)
        elif event.type == "response.output_audio_transcript.done":
            answer.transcript = event.transcript
        elif event.type == "error":
            answer.errors.append(event.error.message)
        elif event.type == "response.done":
            answer.status = event.response.status or ""
            break
    return answer


def recognised(server: str, pcm: bytes) -> list[str]:
    """The words that the server's recogniser hears."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(pcm)
    form = {"files": {"file": ("said.wav", buffer.getvalue())}, "data": {"model": "whisper-1"}}
    answer = httpx.post(f"{server}/v1/audio/transcriptions", **form, timeout=60.0)  # type: ignore[arg-type]
    return str(answer.raise_for_status().json()["text"]).lower().replace(",", "").replace(".", "").split()
