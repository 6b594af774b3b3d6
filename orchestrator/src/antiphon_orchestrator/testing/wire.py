"""A client that speaks the Realtime protocol with a session among scripted parts, in virtual time."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from antiphon_core.resample import Resampler

from antiphon_orchestrator.api.codec import encode
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Llm
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad
from antiphon_orchestrator.testing.protocol import check_server_event
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import clock_ms
from antiphon_orchestrator.testing.voice import silence, speak

MAX_UNREAD_BYTES = 4 * 1024 * 1024
_RATES_HZ = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}


@dataclass
class Wire:
    """`told` is every event the client got, in order; each was checked against the protocol."""

    session: Session
    bridge: Bridge
    outbox: Outbox
    speech: ScriptedSpeech
    asr: ScriptedAsr
    media_type: str = "audio/pcm"
    told: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, type_: str, **fields: Any) -> None:
        """Sends an event."""
        await self.bridge.receive(json.dumps({"type": type_, **fields}))

    async def append(self, samples: HeardSamples) -> None:
        """Sends samples for ears in the session's format, all in one message."""
        resampler = Resampler(EARS_RATE_HZ, _RATES_HZ[self.media_type])
        pcm = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)
        data = encode(self.media_type, np.concatenate((resampler.push(pcm), resampler.finish())).tobytes())
        await self.send("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    async def say(self, text: str) -> None:
        """The user says something, in real time."""
        await self.append(speak(text))
        await asyncio.sleep(len(speak(text)) / EARS_RATE_HZ)

    async def pause(self, ms: int) -> None:
        """The line is open and silent."""
        for _ in range(0, ms, 100):
            await self.append(silence(EARS_RATE_HZ // 10))
            await asyncio.sleep(0.1)

    async def until(self, type_: str, limit_ms: int = 20_000, *, times: int = 1) -> dict[str, Any]:
        """Keeps the line open until such an event has come so many times; returns the last of them."""
        end_ms = clock_ms() + limit_ms
        while len(found := self.all(type_)) < times:
            assert clock_ms() < end_ms, f"no {type_} in {limit_ms} ms; there came {[e['type'] for e in self.told]}"
            await self.pause(100)
        return found[times - 1]

    def all(self, type_: str) -> list[dict[str, Any]]:
        return [event for event in self.told if event["type"] == type_]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [event["error"] for event in self.all("error")]

    @property
    def audio(self) -> bytes:
        """All audio that came, as bytes of the session's format."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.all("response.output_audio.delta"))

    async def read(self) -> None:
        """Takes what the server sends until it hangs up."""
        while (message := await self.outbox.next()) is not None:
            event = json.loads(message)
            check_server_event(event)
            self.told.append(event)


@asynccontextmanager
async def wire(
    llm: Llm,
    *,
    settings: SessionSettings | None = None,
    config: SessionConfig | None = None,
    speech: ScriptedSpeech | None = None,
    asr: ScriptedAsr | None = None,
) -> AsyncIterator[Wire]:
    """Connects a client and hangs up; whatever that leaves running is an error of the loop it runs in."""
    speech, asr = speech or ScriptedSpeech(), asr or ScriptedAsr(cost_s=0.05)
    outbox = Outbox(MAX_UNREAD_BYTES, own_events=True)
    parts = Parts(ScriptedVad, ScriptedTurnDetector(cost_s=0.05), asr, llm, speech, lambda: ["scripted/one"])
    session = Session(parts, settings or SessionSettings(), config or SessionConfig(), outbox, clock_ms)
    client = Wire(session, Bridge(session, outbox.event), outbox, speech, asr)
    async with asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(session.run())
        tasks.create_task(client.read())
        await asyncio.sleep(0)
        client.bridge.greet()
        try:
            yield client
        finally:
            session.hang_up()
            await talking
            outbox.close(1000, "")
    assert speech.running == 0, "an utterance was left running"
    assert asr.running == 0, "a recognition was left running"
