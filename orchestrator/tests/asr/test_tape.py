from __future__ import annotations

import numpy as np
import pytest
from antiphon_orchestrator.asr.tape import Tape, quietest
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 100), st.integers(0, 600), st.integers(0, 600))
def test_a_tape_gives_back_what_was_put_on_it_and_not_forgotten(
    sizes: list[int], start: int, forgotten: int, first: int
) -> None:
    whole = np.arange(start, start + sum(sizes), dtype=np.float32)
    tape = Tape(start)
    for size in sizes:
        tape.append(whole[tape.end - start :][:size], speech=True)
    tape.forget(forgotten)
    assert tape.end == start + sum(sizes)
    assert tape.start <= max(start, forgotten)
    last = first + 97
    np.testing.assert_array_equal(tape.read(first, last), whole[(whole >= max(first, tape.start)) & (whole < last)])


def test_chunks_say_what_was_speech() -> None:
    tape = Tape()
    tape.append(np.zeros(10, np.float32), speech=False)
    tape.append(np.ones(10, np.float32), speech=True)
    assert [(len(samples), speech) for samples, speech in tape.chunks(5, 12)] == [(5, False), (2, True)]


def test_what_is_forgotten_takes_no_memory() -> None:
    tape = Tape()
    for _ in range(1_000):
        tape.append(np.zeros(512, np.float32), speech=False)
        tape.forget(tape.end - 5_120)
    assert tape.end - tape.start <= 5_120 + 512
    assert len(list(tape.chunks(0, tape.end))) <= 11


@pytest.mark.parametrize("hollow", [320, 3_200, 9_600])
def test_audio_is_cut_in_its_quietest_moment(hollow: int) -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    audio[hollow : hollow + 640] *= 0.01
    assert hollow <= quietest(audio) < hollow + 640


def test_audio_too_short_to_choose_is_cut_in_its_middle() -> None:
    assert quietest(np.ones(100, np.float32)) == 50
