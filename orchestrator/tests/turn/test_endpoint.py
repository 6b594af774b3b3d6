from __future__ import annotations

from collections.abc import Iterable

import pytest
from antiphon_orchestrator.turn.endpoint import (
    WINDOW_SAMPLES,
    AskDetector,
    Endpoint,
    EndpointEvent,
    EndpointSettings,
    EndReason,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnFinished,
)
from antiphon_orchestrator.turn.last_words import LastWords

SURE, SPEECH, SILENCE, DOUBT = 0.9, 0.7, 0.05, 0.42
WITHOUT_DETECTOR = EndpointSettings.server_vad()


class Stream:
    """An endpoint with a stream of windows."""

    def __init__(self, settings: EndpointSettings | None = None) -> None:
        self.endpoint = Endpoint(settings)
        self.end_sample = 0

    def hear(self, *probabilities: float) -> list[EndpointEvent]:
        events: list[EndpointEvent] = []
        for probability in probabilities:
            self.end_sample += WINDOW_SAMPLES
            events += self.endpoint.on_window(probability, self.end_sample)
        return events

    def silence(self, windows: int) -> list[EndpointEvent]:
        return self.hear(*[SILENCE] * windows)

    def speech(self, windows: int) -> list[EndpointEvent]:
        return self.hear(*[SPEECH] * windows)


def windows(count: int) -> int:
    return count * WINDOW_SAMPLES


def finished(events: Iterable[EndpointEvent]) -> list[TurnFinished]:
    return [event for event in events if isinstance(event, TurnFinished)]


def test_speech_is_noticed_in_its_second_window_and_dated_back_to_its_first() -> None:
    stream = Stream()
    stream.silence(20)
    assert stream.speech(1) == []
    assert stream.speech(1) == [SpeechStarted(windows(20), windows(20) - 4_800)]
    assert stream.endpoint.in_turn


def test_a_window_that_is_surely_speech_is_enough() -> None:
    stream = Stream()
    stream.silence(20)
    assert EndpointSettings().sure_threshold == 0.75
    assert stream.hear(0.75) == [SpeechStarted(windows(20), windows(20) - 4_800)]


def test_speech_that_rises_slowly_is_dated_back_to_where_it_rose() -> None:
    stream = Stream()
    stream.silence(20)
    assert stream.hear(DOUBT, SPEECH, DOUBT, SPEECH) == [SpeechStarted(windows(20), windows(20) - 4_800)]


def test_a_single_loud_window_is_no_speech() -> None:
    stream = Stream()
    assert stream.hear(SPEECH, SILENCE, SPEECH, SILENCE) == []
    assert Stream(EndpointSettings.server_vad(threshold=0.9)).hear(0.94, SILENCE) == []
    assert not stream.endpoint.in_turn


def test_audio_before_speech_reaches_neither_before_the_stream_nor_into_the_last_turn() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    assert stream.speech(2) == [SpeechStarted(0, 0)]
    (turn,) = finished(stream.silence(16))
    stream.silence(2)
    (started,) = stream.speech(2)
    assert started == SpeechStarted(windows(20), turn.end_sample)


def test_a_pause_is_told_after_two_windows_of_silence() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.speech(10)
    assert stream.silence(1) == []
    assert stream.silence(1) == [SpeechPaused(windows(10), windows(10))]


def test_in_haste_a_pause_is_told_after_one_window_of_silence() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.endpoint.hasty = True
    stream.speech(10)
    assert stream.silence(1) == [SpeechPaused(windows(10), windows(10))]


def test_without_a_detector_a_turn_ends_after_its_silence() -> None:
    stream = Stream(EndpointSettings.server_vad(silence_duration_ms=320))
    stream.speech(10)
    assert stream.silence(10) == [
        SpeechPaused(windows(10), windows(10)),
        TurnFinished(0, windows(10), windows(20), EndReason.SILENCE),
    ]
    assert not stream.endpoint.in_turn


def test_a_silence_shorter_than_a_pause_can_end_a_turn_too() -> None:
    stream = Stream(EndpointSettings.server_vad(silence_duration_ms=32))
    stream.speech(3)
    assert [type(event) for event in stream.silence(4)] == [SpeechPaused, TurnFinished]


def test_doubt_is_silence_after_silence_and_speech_after_speech() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.speech(3)
    assert stream.hear(*[DOUBT] * 30) == []
    assert stream.hear(SILENCE, DOUBT) == [SpeechPaused(windows(33), windows(33))]


def test_the_lower_threshold_is_speech_still() -> None:
    stream = Stream(EndpointSettings.server_vad(threshold=0.5))
    stream.speech(3)
    assert stream.hear(*[EndpointSettings().stop_threshold] * 5) == []


def test_a_click_in_a_pause_changes_nothing() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.speech(3)
    events = stream.silence(8) + stream.hear(SURE) + stream.silence(7)
    assert [type(event) for event in events] == [SpeechPaused, TurnFinished]


def test_a_click_in_the_last_window_of_a_pause_puts_the_end_off_by_that_window() -> None:
    stream = Stream(EndpointSettings.server_vad(silence_duration_ms=320))
    stream.speech(3)
    assert finished(stream.silence(9) + stream.hear(SURE)) == []
    assert len(finished(stream.silence(1))) == 1


def test_speech_before_a_pause_is_told_is_the_same_speech() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    assert [type(event) for event in stream.speech(5) + stream.silence(1) + stream.speech(5)] == [SpeechStarted]
    assert stream.silence(2) == [SpeechPaused(windows(11), windows(11))]


def test_a_user_who_goes_on_resumes_the_turn() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.speech(5)
    stream.silence(8)
    assert stream.speech(2) == [SpeechResumed(windows(13))]
    assert stream.silence(2) == [SpeechPaused(windows(15), windows(2))]
    (turn,) = finished(stream.silence(20))
    assert turn == TurnFinished(0, windows(15), windows(31), EndReason.SILENCE)


def test_the_detector_is_asked_again_as_silence_grows_and_in_every_pause() -> None:
    stream = Stream(EndpointSettings(silence_samples=windows(40)))
    stream.speech(5)
    asked = [event.at_sample for event in stream.silence(35) if isinstance(event, AskDetector)]
    assert asked == [windows(5 + after) for after in (2, 10, 20, 32)]
    stream.speech(2)
    assert AskDetector(windows(42 + 2)) in stream.silence(2)


@pytest.mark.parametrize(
    ("opinion", "needed_ms"), [(0.99, 320), (0.6, 320), (0.35, 960), (0.1, 1_600), (0.0, 1_600), (None, 640)]
)
def test_the_surer_the_detector_the_sooner_the_end(opinion: float | None, needed_ms: int) -> None:
    assert EndpointSettings().needed_silence(opinion) == needed_ms * 16


@pytest.mark.parametrize(
    ("eagerness", "patient_ms"), [("low", 3_000), ("medium", 1_600), ("auto", 1_600), ("high", 1_000)]
)
def test_eagerness_is_patience(eagerness: str, patient_ms: int) -> None:
    settings = EndpointSettings.semantic_vad(eagerness)  # type: ignore[arg-type]
    assert settings.needed_silence(0.0) == patient_ms * 16


def test_a_sure_detector_ends_the_turn_with_its_answer() -> None:
    stream = Stream()
    stream.speech(10)
    assert stream.silence(2)[-1] == AskDetector(windows(12))
    stream.silence(8)
    assert stream.endpoint.on_opinion(0.95, windows(12)) == (
        TurnFinished(0, windows(10), windows(20), EndReason.DETECTOR),
    )


def test_a_detector_that_is_sure_early_ends_the_turn_without_being_asked_again() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(2)
    assert stream.endpoint.on_opinion(0.95, windows(12)) == ()
    assert stream.silence(8) == [TurnFinished(0, windows(10), windows(20), EndReason.DETECTOR)]


def test_words_that_want_to_go_on_weigh_more_than_the_detector() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(4)
    stream.endpoint.on_words(LastWords.OPEN, windows(13))
    assert stream.endpoint.on_opinion(0.95, windows(12)) == ()
    assert finished(stream.silence(30)) == []
    stream.endpoint.on_words(LastWords.CLOSED, windows(13))
    assert len(finished(stream.silence(1))) == 1


def test_words_of_an_earlier_pause_are_ignored() -> None:
    stream = Stream()
    stream.endpoint.on_words(LastWords.OPEN, 10)
    stream.speech(10)
    stream.silence(4)
    stream.speech(3)
    stream.endpoint.on_words(LastWords.OPEN, windows(13))
    stream.silence(10)
    assert len(finished(stream.endpoint.on_opinion(0.95, windows(22)))) == 1


def test_words_that_want_to_go_on_are_waited_for_even_if_the_detector_is_silent() -> None:
    settings = EndpointSettings()
    assert settings.needed_silence(None, LastWords.OPEN) > settings.needed_silence(None)
    assert WITHOUT_DETECTOR.needed_silence(None, LastWords.OPEN) == WITHOUT_DETECTOR.silence_samples


@pytest.mark.parametrize(("words", "silence"), [(LastWords.ASKING, 7), (LastWords.CLOSED, 10)])
def test_a_question_is_answered_sooner_than_a_statement(words: LastWords, silence: int) -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(2)
    stream.endpoint.on_words(words, windows(12))
    stream.endpoint.on_opinion(0.95, windows(12))
    assert finished(stream.silence(silence - 3)) == []
    assert len(finished(stream.silence(1))) == 1


def test_a_question_that_the_detector_takes_for_unfinished_is_waited_for() -> None:
    settings = EndpointSettings()
    assert settings.needed_silence(0.0, LastWords.ASKING) == settings.patient_samples


def test_a_doubtful_detector_lets_silence_grow() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(6)
    assert stream.endpoint.on_opinion(0.05, windows(16)) == ()
    assert finished(stream.silence(43)) == []
    (turn,) = finished(stream.silence(1))
    assert turn.reason is EndReason.DETECTOR


@pytest.mark.parametrize(
    ("opinions", "silent_windows"),
    [((0.95, 0.95), 10), ((0.2, 0.77, 0.74), 20), ((0.04, 0.8, 0.95), 21), ((0.01, 0.01, 0.05, 0.05), 50)],
)
def test_what_the_detector_thought_at_once_is_not_forgotten_as_silence_grows(
    opinions: tuple[float, ...], silent_windows: int
) -> None:
    stream, coming = Stream(), iter(opinions)
    stream.speech(10)
    for window in range(1, silent_windows + 1):
        events = stream.silence(1)
        asked = [event.at_sample for event in events if isinstance(event, AskDetector)]
        events += [event for at in asked for event in stream.endpoint.on_opinion(next(coming), at)]
        assert bool(finished(events)) == (window == silent_windows)


def test_an_answer_about_an_earlier_pause_is_ignored() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(6)
    stream.speech(3)
    assert stream.endpoint.on_opinion(0.95, windows(16)) == ()
    stream.silence(10)
    assert stream.endpoint.on_opinion(0.95, windows(16)) == ()
    assert stream.endpoint.in_turn


def test_an_answer_after_the_turn_is_ignored() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(30)
    assert stream.endpoint.on_opinion(0.95, windows(16)) == ()


def test_a_detector_that_never_answers_is_not_waited_for() -> None:
    stream = Stream()
    stream.speech(10)
    (turn,) = finished(stream.silence(20))
    assert turn.reason is EndReason.SILENCE


def test_a_turn_does_not_go_on_for_ever() -> None:
    stream = Stream(EndpointSettings(max_turn_samples=windows(50)))
    assert stream.speech(50)[1:] == [
        SpeechPaused(windows(50), windows(50)),
        TurnFinished(0, windows(50), windows(50), EndReason.LENGTH),
    ]
    assert stream.speech(2) == [SpeechStarted(windows(50), windows(50))]


def test_a_stream_that_stalls_ends_its_turn() -> None:
    stream = Stream()
    assert stream.endpoint.finish(EndReason.STALLED) == ()
    stream.silence(20)
    stream.speech(10)
    stream.silence(1)
    assert stream.endpoint.finish(EndReason.STALLED) == (
        SpeechPaused(windows(30), windows(10)),
        TurnFinished(windows(20) - 4_800, windows(30), windows(31), EndReason.STALLED),
    )


def test_a_turn_that_paused_already_is_only_finished() -> None:
    stream = Stream()
    stream.speech(10)
    stream.silence(5)
    (turn,) = stream.endpoint.finish(EndReason.COMMITTED)
    assert turn == TurnFinished(0, windows(10), windows(15), EndReason.COMMITTED)


def test_a_reset_forgets_the_turn() -> None:
    stream = Stream()
    stream.speech(10)
    stream.endpoint.reset()
    assert not stream.endpoint.in_turn
    assert stream.silence(60) == []
    stream.speech(1)
    stream.endpoint.reset()
    assert stream.speech(1) == []


def test_settings_may_change_within_a_turn() -> None:
    stream = Stream(EndpointSettings.server_vad(silence_duration_ms=2_000))
    stream.speech(10)
    stream.silence(20)
    stream.endpoint.configure(EndpointSettings.server_vad(silence_duration_ms=500))
    assert len(finished(stream.silence(1))) == 1


def test_lost_audio_is_silence() -> None:
    stream = Stream(WITHOUT_DETECTOR)
    stream.speech(10)
    stream.silence(1)
    stream.end_sample += windows(20)
    assert [type(event) for event in stream.silence(1)] == [SpeechPaused, TurnFinished]


def test_windows_come_in_order() -> None:
    stream = Stream()
    stream.silence(2)
    with pytest.raises(ValueError, match=r"ends at sample 512, but one until 1024"):
        stream.endpoint.on_window(SILENCE, 512)


@pytest.mark.parametrize("threshold", [0.0, 1.5, -1.0])
def test_a_threshold_no_probability_can_cross_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        EndpointSettings(threshold=threshold)


def test_a_turn_that_ends_without_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="silence"):
        EndpointSettings.server_vad(silence_duration_ms=0)


def test_a_low_threshold_keeps_a_lower_one_beneath_it() -> None:
    assert EndpointSettings(threshold=0.5).stop_threshold == pytest.approx(0.35)
    assert EndpointSettings(threshold=0.2).stop_threshold == pytest.approx(0.1)
