from __future__ import annotations

from itertools import pairwise

import numpy as np
from antiphon_orchestrator.asr.turnaudio import Cutting, TurnAudio
from antiphon_orchestrator.testing import voice
from hypothesis import given
from hypothesis import strategies as st

CUTTING = Cutting(limit=4_000, comfortable=2_000, pause=320, tail=150, margin=50, pre_roll=480, lookback=1_000)

SMALL = Cutting(limit=1_000, comfortable=400, pause=80, tail=40, margin=12, pre_roll=120, lookback=250)
RUNS = st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=20)
"""Stretches of audio, each speech or not."""


def heard(
    runs: list[tuple[int, bool]], start: int = 0, cutting: Cutting = CUTTING, *, over_answer: bool = False
) -> TurnAudio:
    turn, place = TurnAudio(start, cutting, over_answer=over_answer), start
    for samples, speech in runs:
        turn.hear(np.arange(place, place + samples, dtype=np.float32), speech)
        place += samples
    return turn


def recognise_all(turn: TurnAudio) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    taken = []
    for piece in list(turn.lacking(turn.goal())):
        audio, to = turn.to_recognise(piece)
        taken.append(audio)
        turn.learn(piece, to, f"<{piece.start}>")
    return taken


@given(RUNS, st.integers(0, 10_000))
def test_every_spoken_sample_is_recognised_exactly_once(runs: list[tuple[int, bool]], start: int) -> None:
    turn = heard(runs, start, SMALL)
    turn.close()
    recognised = [int(sample) for audio in recognise_all(turn) for sample in audio]
    assert len(set(recognised)) == len(recognised)
    place, spoken = start, set()
    for samples, speech in runs:
        if speech:
            spoken |= set(range(place, place + samples))
        place += samples
    if len(turn.pieces) <= 8:  # more behind than that is lost, by design
        assert spoken <= set(recognised)


@given(RUNS)
def test_no_piece_is_longer_than_the_recogniser_takes(runs: list[tuple[int, bool]]) -> None:
    turn = heard(runs, cutting=SMALL)
    turn.close()
    assert all(len(audio) <= SMALL.limit for audio in recognise_all(turn))


@given(RUNS)
def test_when_all_is_recognised_nothing_is_lacking(runs: list[tuple[int, bool]]) -> None:
    turn = heard(runs, cutting=SMALL)
    recognise_all(turn)
    assert not any(turn.lacking(turn.goal()))
    turn.close()
    recognise_all(turn)
    assert not any(turn.lacking(turn.goal()))


@given(RUNS)
def test_pieces_follow_each_other_in_order(runs: list[tuple[int, bool]]) -> None:
    pieces = heard(runs, cutting=SMALL).pieces
    for piece, following in pairwise(pieces):
        assert piece.start <= piece.speech_end <= (piece.end or 0) <= following.start
    assert pieces[-1].end is None


def test_silence_after_speech_lacks_nothing() -> None:
    turn = heard([(1_000, True), (100, False)])
    recognise_all(turn)
    turn.hear(voice.silence(5_000), speech=False)
    assert not any(turn.lacking(turn.goal()))


def test_a_recognition_that_ended_too_close_to_the_last_word_does_not_count() -> None:
    turn = heard([(1_000, True)])
    recognise_all(turn)
    assert not any(turn.lacking(turn.goal()))
    turn.hear(voice.silence(20), speech=False)
    assert any(turn.lacking(turn.goal()))
    turn.close()
    recognise_all(turn)
    assert not any(turn.lacking(turn.goal()))


def test_only_a_little_of_the_silence_behind_speech_is_given() -> None:
    (audio,) = recognise_all(heard([(1_000, True), (3_000, False)]))
    assert len(audio) == 1_000 + CUTTING.tail


def test_a_long_enough_piece_ends_at_a_pause_and_a_short_one_does_not() -> None:
    short = heard([(1_999, True), (400, False), (100, True)])
    long = heard([(2_000, True), (400, False), (100, True)])
    assert (len(short.pieces), len(long.pieces)) == (1, 2)
    assert long.pieces[0].end == 2_000 + CUTTING.tail


def test_silence_between_pieces_is_left_out_up_to_the_pre_roll() -> None:
    turn = heard([(2_000, True), *[(400, False)] * 10, (100, True)])
    assert turn.pieces[1].start == 6_000 - CUTTING.pre_roll


def test_silence_before_the_first_word_is_kept_as_it_was_asked_for() -> None:
    assert heard([(900, False), (100, True)]).pieces[0].start == 0


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    turn = TurnAudio(0, CUTTING)
    loud = np.ones(5_000, np.float32)
    loud[2_560:2_880] = 0
    turn.hear(loud, speech=True)
    first, last = turn.pieces
    assert last.end is None
    assert 2_560 < (first.end or 0) < 2_880
    assert last.start == first.end


def test_what_is_worth_recognising_is_a_gap_of_new_speech_or_a_finished_piece() -> None:
    turn = heard([(1_000, True)])
    assert turn.due(1_001) is None
    assert turn.due(1_000) is turn.pieces[0]
    recognise_all(turn)
    turn.hear(np.ones(500, np.float32), speech=True)
    assert turn.due(501) is None
    assert turn.due(500) is turn.pieces[0]
    turn.hear(np.ones(1_000, np.float32), speech=True)
    turn.hear(voice.silence(400), speech=False)
    assert turn.due(999_999) is turn.pieces[0]


def test_words_behind_a_cut_made_meanwhile_are_recognised_in_their_own_piece() -> None:
    turn = heard([(3_900, True)])
    (piece,) = turn.lacking(turn.goal())
    _, to = turn.to_recognise(piece)
    turn.hear(np.ones(500, np.float32), speech=True)
    turn.learn(piece, to, "words before and behind the cut")
    assert turn.text == ""
    assert list(turn.lacking(turn.goal())) == turn.pieces


def test_words_recognised_behind_a_later_cut_are_recognised_again() -> None:
    turn = heard([(3_900, True)])
    recognise_all(turn)
    turn.hear(np.ones(500, np.float32), speech=True)
    assert turn.text == ""
    assert list(turn.lacking(turn.goal())) == turn.pieces


def test_a_turn_that_is_recognised_keeps_only_what_a_turn_detector_looks_at() -> None:
    turn = heard([(1_900, True)])
    for _ in range(50):
        recognise_all(turn)
        turn.hear(np.ones(500, np.float32), speech=True)
        turn.hear(voice.silence(400), speech=False)
        assert len(turn.recent()) == CUTTING.lookback
        assert turn.kept_samples <= CUTTING.limit + CUTTING.lookback
    turn.close()
    recognise_all(turn)
    assert turn.kept_samples == 0


def test_a_recogniser_far_behind_loses_the_oldest_pieces() -> None:
    turn = heard([(2_100, True), (400, False)] * 20)
    assert turn.kept_samples <= 10 * 2_500 + CUTTING.lookback
    oldest, *_ = recognise_all(turn)
    assert oldest[0] > 2_000 * 10


def test_recent_audio_is_that_of_the_turn_only() -> None:
    turn = heard([(300, True)], start=700)
    np.testing.assert_array_equal(turn.recent(), np.arange(700, 1_000, dtype=np.float32))


def test_what_may_be_all_is_worth_recognising_at_once_but_not_over_an_answer() -> None:
    cutting = Cutting(limit=4_000, dip=100)
    assert heard([(50, True), (200, False)], cutting=cutting, over_answer=True).due(300) is None
    assert heard([(50, True), (99, False)], cutting=cutting).due(300) is None
    turn = heard([(50, True), (100, False)], cutting=cutting)
    recognise_all(turn)
    turn.hear(np.zeros(50, np.float32), False)
    assert turn.due(300) is None
