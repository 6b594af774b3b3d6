"""Packets as networks bring them: late, twice, not at all. What is heard keeps its place in time."""

from __future__ import annotations

import numpy as np
import pytest
from antiphon_orchestrator.api.realtime.webrtc_ears import PacketEars
from antiphon_orchestrator.api.realtime.webrtc_voice import OpusEncoder
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME = EARS_RATE_HZ // 50
TICKS = 960
PACKETS = 20


def spoken(packets: int = PACKETS) -> list[bytes]:
    """A tone, packet by packet."""
    times = np.arange(packets * 480) / 24_000
    pcm = (8_000 * np.sin(2 * np.pi * 400 * times)).astype("<i2").tobytes()
    encoder = OpusEncoder(24_000)
    return [encoder.encode(pcm[start : start + 960]) for start in range(0, len(pcm), 960)]


SPOKEN = spoken()


def heard(order: list[int], first_number: int = 0, first_timestamp: int = 0) -> HeardSamples:
    """What is heard of these packets, in this order."""
    pieces: list[HeardSamples] = [np.zeros(0, np.float32)]
    ears = PacketEars(pieces.append)
    for index in order:
        number, timestamp = (first_number + index) % 2**16, (first_timestamp + index * TICKS) % 2**32
        ears.take(number, timestamp, SPOKEN[index])
    return np.concatenate(pieces)


def loud(samples: HeardSamples) -> list[bool]:
    """Whether each frame is."""
    return [float(np.sqrt(np.mean(samples[start : start + FRAME] ** 2))) > 0.05 for start in frames(samples)]


def frames(samples: HeardSamples) -> range:
    return range(0, len(samples) - FRAME // 2, FRAME)


def test_packets_in_order_are_heard_as_they_come() -> None:
    pieces: list[HeardSamples] = []
    ears = PacketEars(pieces.append)
    for index, packet in enumerate(SPOKEN):
        ears.take(index, index * TICKS, packet)
        assert len(pieces) == index + 1


def test_numbers_and_timestamps_may_wrap() -> None:
    everything = list(range(PACKETS))
    assert np.array_equal(heard(everything, 2**16 - 5, 2**32 - 5 * TICKS), heard(everything))


def test_a_packet_that_overtook_another_waits_for_it() -> None:
    order = [0, 1, 3, 2, *range(4, PACKETS)]
    assert np.array_equal(heard(order), heard(list(range(PACKETS))))


def test_a_packet_that_comes_twice_is_heard_once() -> None:
    order = [0, 1, 1, 2, 2, *range(3, PACKETS)]
    assert np.array_equal(heard(order), heard(list(range(PACKETS))))


def test_lost_packets_are_silence_of_their_length() -> None:
    lost = {8, 9, 10}
    samples = heard([index for index in range(PACKETS) if index not in lost])
    assert len(samples) == len(heard(list(range(PACKETS))))
    assert not any(loud(samples)[9:10])
    assert all(loud(samples)[12:])


@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(1, PACKETS - 4), max_size=10))
def test_whatever_is_lost_nothing_moves(lost: set[int]) -> None:
    samples = heard([index for index in range(PACKETS) if index not in lost])
    assert len(samples) == len(heard(list(range(PACKETS))))


def test_a_stream_that_begins_anew_is_heard_at_once() -> None:
    pieces: list[HeardSamples] = []
    ears = PacketEars(pieces.append)
    for index, packet in enumerate(SPOKEN):
        ears.take(30_000 + index, index * TICKS, packet)
    pieces.clear()
    for index, packet in enumerate(SPOKEN):
        ears.take(100 + index, 10**9 + index * TICKS, packet)
    assert len(pieces) == PACKETS


def test_a_microphone_that_was_off_for_long_leaves_no_flood_of_silence() -> None:
    pieces: list[HeardSamples] = []
    ears = PacketEars(pieces.append)
    ears.take(0, 0, SPOKEN[0])
    pieces.clear()
    ears.take(1, 60 * 48_000, SPOKEN[1])
    assert len(np.concatenate(pieces)) <= FRAME + 16


@pytest.mark.parametrize("payload", [b"", b"\x03", b"no opus at all"])
def test_what_is_no_opus_is_not_heard_and_breaks_nothing(payload: bytes) -> None:
    pieces: list[HeardSamples] = [np.zeros(0, np.float32)]
    ears = PacketEars(pieces.append)
    ears.take(0, 0, SPOKEN[0])
    ears.take(1, TICKS, payload)
    for index in range(2, PACKETS):
        ears.take(index, index * TICKS, SPOKEN[index])
    assert all(loud(np.concatenate(pieces))[4:])
