"""A loudspeaker beside an open microphone, in virtual time: a real voice, a real detector of voices, a real canceller.

The room gives everything back 20 dB quieter, and once more from a wall.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmFormat, Samples
from antiphon_core.resample import Resampler
from antiphon_core.utterance import Finished, Reason, Started, SynthesisEvent
from antiphon_orchestrator.api.realtime.bridge import Bridge
from antiphon_orchestrator.echo import webrtc_apm
from antiphon_orchestrator.echo.canceller import EchoCanceller
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, VoiceChoice
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.ears import ScriptedTurnDetector
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.tones import OneSentence
from antiphon_orchestrator.testing.virtual_time import clock_ms, run_virtually
from antiphon_orchestrator.vad.silero import Silero

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

RATE_HZ = 24_000
STEP = RATE_HZ // 50
WALL_MS = 11
ASKED = '{"type": "response.create"}'


class ClipSpeech:
    """Says a recording, whatever the text."""

    def __init__(self, clip: Samples) -> None:
        self._clip = clip[: len(clip) // STEP * STEP].reshape(-1, STEP)

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SynthesisEvent, None]:
        yield Started("clip", "clip", "clip/one", PcmFormat(RATE_HZ))
        for seq, samples in enumerate(self._clip):
            await asyncio.sleep(0.001)
            yield Frame(seq, samples.tobytes(), STEP)
        yield Finished(Reason.COMPLETE, self._clip.size, 1.0, 1.0, 0.0)


class Loudspeaker:
    """A client: what it is sent it plays, behind what it is playing still."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.played = np.zeros(0, np.float32)

    def event(self, type_: str, /, **fields: Any) -> None:
        self.told.append(f"{type_} {fields['response']['status']}" if type_ == "response.done" else type_)

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        silence = max(0, clock_ms() * RATE_HZ // 1000 - len(self.played))
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        self.played = np.concatenate((self.played, np.zeros(silence, np.float32), samples))

    def close(self, code: int, reason: str) -> None:
        self.told.append(reason)

    def echo(self, at: int, delay_ms: int) -> HeardSamples:
        """What comes back while the microphone takes its samples from `at` on."""
        back = self._heard(at, delay_ms) + np.float32(0.4) * self._heard(at, delay_ms + WALL_MS)
        return np.float32(0.1) * back

    def _heard(self, at: int, delay_ms: int) -> HeardSamples:
        start = at - delay_ms * RATE_HZ // 1000
        heard = self.played[max(0, start) : max(0, start + STEP)]
        before = min(STEP, max(0, -start))
        return np.concatenate((np.zeros(before), heard, np.zeros(STEP - before - len(heard)))).astype(np.float32)


class Room:
    """Where both are."""

    def __init__(self, silero: Silero, clip: Samples, delay_ms: int, *, cancelling: bool) -> None:
        self.speaker = Loudspeaker()
        self._delay_ms = delay_ms
        processor = webrtc_apm.WebrtcEchoProcessor()
        canceller = EchoCanceller(self.speaker, processor, clock_ms) if cancelling else None
        mind, asr = ScriptedLlm(["This is an answer."]), OneSentence("Stop, that is wrong.")
        voices = ("clip/one",)
        parts = Parts(silero.stream, ScriptedTurnDetector(), asr, mind, ClipSpeech(clip), lambda: voices)
        outlet = canceller or self.speaker
        self.session = Session(parts, SessionSettings(), SessionConfig(), outlet, clock_ms)
        self.bridge = Bridge(self.session, outlet.event, clean=canceller.clean if canceller else None)
        self._resampler = Resampler(RATE_HZ, EARS_RATE_HZ)

    async def listen(self, seconds: float, person: Samples | None = None) -> None:
        """The microphone is open for so long, and somebody may speak."""
        for step in range(int(seconds * 50)):
            at = clock_ms() * RATE_HZ // 1000
            said = np.zeros(0, np.int16) if person is None else person[step * STEP : (step + 1) * STEP]
            near = self.speaker.echo(at, self._delay_ms)
            near[: len(said)] += said
            await asyncio.sleep(0.02)
            pcm = self._resampler.push(np.clip(near, -32_768, 32_767).astype(np.int16))
            self.bridge.hear(pcm.astype(np.float32) / np.float32(32_768))

    @property
    def told(self) -> list[str]:
        return self.speaker.told


@asynccontextmanager
async def talking(room: Room) -> AsyncIterator[Room]:
    """The machine has been asked, and speaks for eleven seconds."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(room.session.run())
        await room.listen(1.0)
        await room.bridge.receive(ASKED)
        try:
            yield room
        finally:
            room.session.hang_up()
            await running


@pytest.fixture(scope="module")
def silero(model_folder: Any) -> Silero:
    pytest.importorskip("livekit.rtc", reason="install the extra: pip install 'antiphon-orchestrator[echo]'")
    return Silero(model_folder("silero-vad"))


@pytest.fixture(scope="module")
def clip(jfk: HeardSamples) -> Samples:
    resampler = Resampler(EARS_RATE_HZ, RATE_HZ)
    return resampler.push(np.rint(jfk * 32_767).astype(np.int16))


@pytest.mark.parametrize("delay_ms", [60, 250])
def test_the_machine_never_interrupts_itself(silero: Silero, clip: Samples, delay_ms: int) -> None:
    async def scene() -> list[str]:
        async with talking(Room(silero, clip, delay_ms, cancelling=True)) as room:
            await room.listen(13.0)
            return list(room.told)

    told = run_virtually(scene())
    assert "response.done completed" in told
    assert not {"antiphon.output.held", "input_audio_buffer.speech_started"} & set(told)


def test_without_cancellation_it_would(silero: Silero, clip: Samples) -> None:
    async def scene() -> list[str]:
        async with talking(Room(silero, clip, 60, cancelling=False)) as room:
            await room.listen(13.0)
            return list(room.told)

    assert "response.done cancelled" in run_virtually(scene())


@pytest.mark.parametrize("delay_ms", [60, 250])
def test_a_person_still_stops_it(silero: Silero, clip: Samples, delay_ms: int) -> None:
    async def scene() -> list[str]:
        async with talking(Room(silero, clip, delay_ms, cancelling=True)) as room:
            await room.listen(4.0)
            assert "antiphon.output.held" not in room.told
            await room.listen(3.0, person=clip)
            return list(room.told)

    assert "response.done cancelled" in run_virtually(scene())
