"""A loudspeaker beside an open microphone: the machine does not take its own voice for the user's, and hears the user.

Real ears, a real voice, a room that gives everything back 20 dB quieter, and once more from a wall.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
from antiphon_orchestrator.cli.caller import FRAME_SAMPLES, RATE_HZ, Call, Track, calling, laid_out

from tests.e2e.house import House, up

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]

STORY = (
    "Once upon a time there was a small house at the edge of a large forest. An old man lived there with his dog, "
    "and every morning they walked to the river to see whether the boats had come home from the sea."
)
INTERRUPTION = "Wait, please stop, that is not what I asked you for."
WALL_MS = 11


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    async with up("--mind", "echo", "--echo-cancellation") as house:
        yield house


@dataclass(slots=True)
class Room:
    """Keeps the line open: what the person says, and what comes back of the loudspeaker."""

    call: Call
    delay_ms: int
    gain_db: float = -20.0
    says: list[Track] = field(default_factory=list)

    async def run(self) -> None:
        at = self.call.now_sample
        while True:
            person = self.says.pop(0) if self.says else np.zeros(FRAME_SAMPLES, np.int16)
            await self.call.speak(np.clip(person + self._echo(at), -32_768, 32_767).astype(np.int16))
            at += FRAME_SAMPLES

    def say(self, speech: bytes) -> None:
        pcm = np.frombuffer(speech, "<i2")
        pcm = np.concatenate((pcm, np.zeros(-len(pcm) % FRAME_SAMPLES, np.int16)))
        self.says.extend(pcm.reshape(-1, FRAME_SAMPLES))

    def _echo(self, at: int) -> Track:
        direct = self._heard(at, self.delay_ms) + 0.4 * self._heard(at, self.delay_ms + WALL_MS)
        back: Track = (direct * 10 ** (self.gain_db / 20)).astype(np.int16)
        return back

    def _heard(self, at: int, delay_ms: int) -> Track:
        """What was played so long before."""
        start = at - delay_ms * RATE_HZ // 1000
        near = [(place - start, audio) for place, audio in self.call.heard[-100:] if place + len(audio) > start]
        return laid_out([(0, audio[-place:]) if place < 0 else (place, audio) for place, audio in near], FRAME_SAMPLES)


@asynccontextmanager
async def room(house: House, delay_ms: int) -> AsyncIterator[Room]:
    async with calling(house.url) as call:
        place = Room(call, delay_ms)
        open_line = asyncio.create_task(place.run())
        try:
            yield place
        finally:
            open_line.cancel()


async def told(call: Call, type_: str, limit_s: float) -> dict[str, object]:
    async with asyncio.timeout(limit_s):
        while not (events := call.events(type_)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return events[0]


async def ask_for(call: Call, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await call.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    await call.send("response.create")


@pytest.mark.parametrize("delay_ms", [60, 250])
async def test_the_machine_never_interrupts_itself(house: House, delay_ms: int) -> None:
    async with room(house, delay_ms) as place:
        await ask_for(place.call, STORY)
        done = await told(place.call, "response.done", 60)
        await asyncio.sleep(1.0)
        assert not place.call.events("antiphon.output.held")
        assert not place.call.events("input_audio_buffer.speech_started")
    assert done["response"]["status"] == "completed"  # type: ignore[index]


@pytest.mark.parametrize("delay_ms", [60, 250])
async def test_a_person_still_stops_it(house: House, delay_ms: int) -> None:
    words = await asyncio.to_thread(house.speak, INTERRUPTION)
    async with room(house, delay_ms) as place:
        await ask_for(place.call, STORY)
        await told(place.call, "response.output_audio.delta", 30)
        await asyncio.sleep(3.0)
        place.say(words)
        done = await told(place.call, "response.done", 8)
    assert done["response"]["status"] == "cancelled"  # type: ignore[index]
