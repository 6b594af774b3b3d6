from __future__ import annotations

import pytest
from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.events import UserHeard
from antiphon_orchestrator.turn.hold import HoldSettings, UserSpeech, Verdict, decide
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = HoldSettings()


def verdict(
    *,
    heard: UserHeard | None = None,
    spoken_ms: int = 300,
    silent_ms: int | None = None,
    answers: bool = False,
) -> Verdict:
    """Of speech that lasts `spoken_ms` so far or, with `silent_ms`, fell silent so long ago."""
    speech = UserSpeech(0, answers=answers)
    now_ms = spoken_ms
    if silent_ms is not None:
        speech.pause(spoken_ms, spoken_ms)
        now_ms += silent_ms
    speech.heard = heard
    return decide(speech, now_ms, SETTINGS)


WORD = UserHeard(Heard.WORDS, words=1)
MM_HM = UserHeard(Heard.BACKCHANNEL)


@pytest.mark.parametrize(
    ("heard", "spoken_ms", "expected"),
    [
        (UserHeard(Heard.COMMAND), 199, Verdict.WAIT),
        (UserHeard(Heard.COMMAND), 200, Verdict.INTERRUPT),
        (UserHeard(Heard.COMMAND, words=2), 100, Verdict.INTERRUPT),
        (UserHeard(Heard.COMMAND, level_db=-17.0), 200, Verdict.INTERRUPT),
        (UserHeard(Heard.COMMAND, level_db=-18.0), 200, Verdict.RESUME),
        (UserHeard(Heard.WORDS, words=5, level_db=-12.0), 1_000, Verdict.RESUME),
        (UserHeard(Heard.WORDS, words=2), 100, Verdict.INTERRUPT),
        (WORD, 400, Verdict.WAIT),
        (WORD, 500, Verdict.INTERRUPT),
        (MM_HM, 1_400, Verdict.WAIT),
        (MM_HM, 1_500, Verdict.INTERRUPT),
        (UserHeard(Heard.NOTHING), 1_400, Verdict.WAIT),
        (UserHeard(Heard.NOTHING), 1_500, Verdict.RESUME),
        (None, 800, Verdict.WAIT),
        (None, 900, Verdict.INTERRUPT),
    ],
)
def test_while_the_user_speaks(heard: UserHeard | None, spoken_ms: int, expected: Verdict) -> None:
    assert verdict(heard=heard, spoken_ms=spoken_ms) is expected


@pytest.mark.parametrize(
    ("heard", "spoken_ms", "silent_ms", "expected"),
    [
        (None, 300, 399, Verdict.WAIT),
        (None, 300, 400, Verdict.RESUME),
        (None, 899, 400, Verdict.RESUME),
        (None, 900, 400, Verdict.INTERRUPT),
        (MM_HM, 300, 399, Verdict.WAIT),
        (MM_HM, 300, 400, Verdict.RESUME),
        (UserHeard(Heard.BACKCHANNEL, final=True), 300, 149, Verdict.WAIT),
        (UserHeard(Heard.BACKCHANNEL, final=True), 300, 150, Verdict.RESUME),
        (UserHeard(Heard.NOTHING, final=True), 1_000, 149, Verdict.WAIT),
        (UserHeard(Heard.NOTHING, final=True), 1_000, 150, Verdict.RESUME),
        (UserHeard(Heard.WORDS, final=True), 249, 150, Verdict.RESUME),
        (UserHeard(Heard.WORDS, final=True), 250, 0, Verdict.INTERRUPT),
        (UserHeard(Heard.COMMAND, final=True), 199, 150, Verdict.RESUME),
        (WORD, 300, 399, Verdict.WAIT),
        (WORD, 300, 400, Verdict.INTERRUPT),
    ],
)
def test_after_the_user_spoke(heard: UserHeard | None, spoken_ms: int, silent_ms: int, expected: Verdict) -> None:
    assert verdict(heard=heard, spoken_ms=spoken_ms, silent_ms=silent_ms) is expected


def test_yes_to_the_question_that_is_being_asked_is_an_answer() -> None:
    assert verdict(heard=UserHeard(Heard.BACKCHANNEL, final=True), silent_ms=0, answers=True) is Verdict.INTERRUPT
    assert verdict(heard=UserHeard(Heard.NOTHING, final=True), silent_ms=150, answers=True) is Verdict.RESUME


def test_speech_in_spurts_is_judged_by_all_of_it() -> None:
    speech = UserSpeech(0)
    speech.pause(300, 300)
    speech.heard = UserHeard(Heard.BACKCHANNEL, final=True)
    speech.go_on(450)
    assert not speech.heard.final
    assert speech.spoken_ms(650) == 500
    assert speech.silent_ms(650) == 0


def test_what_is_dismissed_becomes_more_by_words_only() -> None:
    def became_more(heard: UserHeard | None) -> bool:
        return UserSpeech(0, heard=heard).became_more(SETTINGS)

    assert became_more(UserHeard(Heard.COMMAND))
    assert became_more(UserHeard(Heard.WORDS, words=2))
    assert not became_more(UserHeard(Heard.WORDS, words=1))
    assert not became_more(UserHeard(Heard.WORDS, words=2, level_db=-20.0))
    assert not became_more(MM_HM)
    assert not became_more(None)


@given(
    st.none() | st.builds(UserHeard, st.sampled_from(Heard), st.integers(0, 9), st.booleans(), st.floats(-40, 20)),
    st.integers(0, 5_000),
    st.none() | st.integers(0, 5_000),
    st.booleans(),
)
def test_nothing_stays_undecided(heard: UserHeard | None, spoken_ms: int, silent_ms: int | None, answers: bool) -> None:
    waited_ms = spoken_ms + (silent_ms or 0)
    decision = verdict(heard=heard, spoken_ms=spoken_ms, silent_ms=silent_ms, answers=answers)
    assert decision is not Verdict.WAIT or waited_ms < SETTINGS.limit_ms


def test_speech_that_keeps_breaking_off_does_not_hold_for_ever() -> None:
    begun_ms = 7_000
    speech = UserSpeech(begun_ms)
    for start_ms in range(begun_ms, begun_ms + SETTINGS.limit_ms, 300):
        assert decide(speech, start_ms, SETTINGS) is Verdict.WAIT
        speech.pause(start_ms + 50, 50)
        speech.go_on(start_ms + 300)
    assert speech.spoken_ms(begun_ms + SETTINGS.limit_ms + 200) < SETTINGS.takeover_ms
    assert decide(speech, begun_ms + SETTINGS.limit_ms - 1, SETTINGS) is Verdict.WAIT
    assert decide(speech, begun_ms + SETTINGS.limit_ms, SETTINGS) is Verdict.RESUME
