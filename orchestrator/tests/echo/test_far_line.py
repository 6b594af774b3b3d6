"""What was sent lies where the microphone was when it was played, however its samples come."""

from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import Samples
from antiphon_orchestrator.echo.far_line import MAX_WAITING, FarLine
from antiphon_orchestrator.ports import EARS_RATE_HZ

MS = EARS_RATE_HZ // 1000


def voice(ms: int) -> Samples:
    return np.full(ms * MS, 1_000, np.int16)


def listen(line: FarLine, from_ms: int, to_ms: int, step_ms: int = 20) -> Samples:
    """The microphone sends; what was to be heard meanwhile is taken at once."""
    taken = [np.zeros(0, np.int16)]
    for now_ms in range(from_ms + step_ms, to_ms + 1, step_ms):
        line.heard(step_ms * MS, now_ms)
        taken.append(line.take(step_ms * MS))
    return np.concatenate(taken)


def onset_ms(samples: Samples) -> float:
    return float(np.flatnonzero(samples)[0]) / MS


def test_audio_lies_where_the_microphone_was_when_it_was_sent() -> None:
    line = FarLine()
    listen(line, 0, 1_000)
    line.add(voice(60), 1_000)
    assert onset_ms(listen(line, 1_000, 1_200)) == 0


def test_a_lead_follows_what_is_playing_without_a_gap() -> None:
    line = FarLine()
    listen(line, 0, 1_000)
    for _ in range(3):
        line.add(voice(20), 1_000)
    line.add(voice(20), 1_020)
    heard = listen(line, 1_000, 1_200)
    assert np.count_nonzero(heard) == 80 * MS
    assert np.count_nonzero(heard[: 80 * MS]) == 80 * MS


def test_a_pause_is_a_pause() -> None:
    line = FarLine()
    listen(line, 0, 1_000)
    line.add(voice(20), 1_000)
    first = listen(line, 1_000, 1_500)
    line.add(voice(20), 1_500)
    assert np.count_nonzero(first) == 20 * MS
    assert onset_ms(listen(line, 1_500, 1_600)) == 0


def test_bursts_from_the_microphone_do_not_move_what_was_sent() -> None:
    """Samples of 100 ms come at once; audio sent in between lies in the middle of the next ones."""
    line = FarLine()
    listen(line, 0, 1_000, step_ms=100)
    line.add(voice(20), 1_060)
    assert onset_ms(listen(line, 1_000, 1_100, step_ms=100)) == 60


@pytest.mark.parametrize("parts_per_million", [-500, 500])
def test_a_microphone_with_another_clock_is_followed(parts_per_million: int) -> None:
    line = FarLine()
    for now_ms in range(20, 600_001, 20):
        line.heard(20 * MS, round(now_ms * (1 + parts_per_million / 1e6)))
        line.take(20 * MS)
    line.add(voice(20), round(600_000 * (1 + parts_per_million / 1e6)))
    assert onset_ms(line.take(100 * MS)) <= 20


def test_nothing_is_remembered_for_a_microphone_that_never_spoke() -> None:
    line = FarLine()
    line.add(voice(1_000), 0)
    assert not line.take(1_000 * MS).any()


def test_a_microphone_that_stops_fills_no_memory() -> None:
    line = FarLine()
    listen(line, 0, 100)
    for now_ms in range(100, 12_000, 20):
        line.add(voice(20), now_ms)
    assert np.count_nonzero(line.take(60 * EARS_RATE_HZ)) <= MAX_WAITING
