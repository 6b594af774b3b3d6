"""The line on which a call's voice leaves: slots, silence, and what is dropped."""

from __future__ import annotations

import numpy as np
from antiphon_orchestrator.api.realtime.webrtc_ears import OpusDecoder
from antiphon_orchestrator.api.realtime.webrtc_voice import MAX_FRAMES, VoiceLine

FRAME_SAMPLES = 480


def tone(frames: int) -> list[bytes]:
    times = np.arange(frames * FRAME_SAMPLES) / 24_000
    pcm = (8_000 * np.sin(2 * np.pi * 400 * times)).astype("<i2")
    return [frame.tobytes() for frame in pcm.reshape(-1, FRAME_SAMPLES)]


class Listener:
    """Hears what leaves."""

    def __init__(self) -> None:
        self.emptied = 0
        self.line = VoiceLine(self._count)
        self._decoder = OpusDecoder()

    def say(self, frames: int) -> None:
        for frame in tone(frames):
            self.line.push(frame)

    def slots(self, count: int) -> list[bool]:
        """Which of the next slots are loud."""
        return [self._is_loud(self.line.next_packet()) for _ in range(count)]

    def _is_loud(self, packet: bytes) -> bool:
        samples = self._decoder.decode(packet).astype(np.float32)
        assert len(samples) == 960, "every packet is 20 ms"
        return float(np.sqrt(np.mean(samples**2))) > 300

    def _count(self) -> None:
        self.emptied += 1


def test_a_slot_without_a_frame_is_silent() -> None:
    listener = Listener()
    assert listener.slots(3) == [False] * 3
    listener.say(5)
    assert listener.slots(5) == [True] * 5
    assert not any(listener.slots(10)[1:])


def test_what_is_dropped_is_not_heard() -> None:
    listener = Listener()
    listener.say(10)
    assert all(listener.slots(5))
    listener.line.drop()
    assert not any(listener.slots(10)[1:]), "Opus itself still has a few milliseconds"


def test_a_hush_fades_within_one_frame() -> None:
    listener = Listener()
    listener.say(10)
    assert all(listener.slots(5))
    listener.line.hush()
    assert not any(listener.slots(10)[2:])


def test_the_end_is_told_when_the_last_frame_has_left() -> None:
    listener = Listener()
    listener.say(3)
    listener.line.finish()
    listener.slots(2)
    assert listener.emptied == 0
    listener.slots(5)
    assert listener.emptied == 1


def test_the_end_of_what_was_dropped_is_never_told() -> None:
    listener = Listener()
    listener.say(3)
    listener.line.finish()
    listener.line.drop()
    listener.slots(5)
    assert listener.emptied == 0


def test_a_line_that_stands_still_keeps_what_came_last() -> None:
    listener = Listener()
    listener.say(MAX_FRAMES + 20)
    assert sum(listener.slots(MAX_FRAMES + 20)) <= MAX_FRAMES + 1


def test_the_rate_may_change_between_answers() -> None:
    listener = Listener()
    listener.say(3)
    assert all(listener.slots(3))
    listener.slots(10)
    for frame in np.tile(np.frombuffer(tone(1)[0], "<i2")[::3], 5).reshape(-1, 160):
        listener.line.push(frame.tobytes())
    assert any(listener.slots(5))
