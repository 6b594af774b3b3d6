from __future__ import annotations

import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_core.errors import BadFormat, BadRequest, Full
from antiphon_orchestrator.item_audio import KEPT_ITEMS
from antiphon_orchestrator.playout import (
    HeardItem,
    OutFrame,
    Playout,
    PlayoutSettings,
    Utterance,
)
from antiphon_orchestrator.utterance_line import Script

RATE_HZ = 24_000
FRAME_SAMPLES = 480
TEXT = "one two three four five six seven eight"


def tone(level: int = 1_000, samples: int = FRAME_SAMPLES) -> bytes:
    return np.full(samples, level, dtype="<i2").tobytes()


def loudest(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max())


class Player:
    """A playout, a clock, and the frames a client got; each frame's level is its number, from 100 on."""

    def __init__(self, settings: PlayoutSettings | None = None) -> None:
        self.playout = Playout(settings or PlayoutSettings(rate_hz=RATE_HZ))
        self.now_ms = 1_000
        self.got: list[OutFrame] = []
        self.drained: list[str] = []
        self.started: list[str] = []

    def say(
        self,
        frames: int,
        utterance_id: str = "u1",
        item_id: str = "i1",
        *,
        epoch: int = 1,
        words: int = 0,
        close: bool = True,
        text: str = TEXT,
    ) -> None:
        """Makes an utterance of `frames`; with `words`, its words begin every so many frames."""
        assert self.playout.open(Utterance(utterance_id, item_id, epoch, Script(text)))
        self.push(frames, utterance_id)
        for index, word in enumerate(text.split() if words else ()):
            self.playout.mark(utterance_id, TextMark(text.index(word), len(word), index * words * FRAME_SAMPLES))
        if close:
            self.playout.close(utterance_id)

    def push(self, frames: int, utterance_id: str = "u1", *, first: int = 0) -> None:
        for seq in range(first, first + frames):
            assert self.playout.push(utterance_id, Frame(seq, tone(100 + seq), FRAME_SAMPLES))

    def tick(self, *, after_ms: int = 20) -> list[OutFrame]:
        self.now_ms += after_ms
        played = self.playout.tick(self.now_ms)
        self.got += played.frames
        self.started += played.started
        self.drained += played.drained
        return list(played.frames)

    def ticks(self, count: int) -> list[OutFrame]:
        return [frame for _ in range(count) for frame in self.tick()]

    def hold(self) -> None:
        self.playout.hold(self.now_ms)

    def numbers(self) -> list[int]:
        return [loudest(frame.pcm) - 100 for frame in self.got]


# ------------------------------------------------------------------------ pacing


def test_speech_starts_at_once_and_stays_the_lead_ahead() -> None:
    player = Player()
    player.say(10)
    first = player.tick()
    assert first == [OutFrame("i1", 1, tone(100 + number)) for number in range(3)]
    assert player.started == ["i1"]
    assert [len(player.tick()) for _ in range(8)] == [1, 1, 1, 1, 1, 1, 1, 0]


def test_frames_pass_through_untouched() -> None:
    player = Player()
    pcm = bytes(range(256)) * 4
    player.playout.open(Utterance("u1", "i1", 1, Script(TEXT)))
    frame = Frame(0, pcm[: FRAME_SAMPLES * 2], FRAME_SAMPLES)
    player.playout.push("u1", frame)
    assert player.tick()[0].pcm is frame.pcm


def test_extra_ticks_send_nothing_too_early() -> None:
    player = Player()
    player.say(10)
    player.tick()
    assert player.tick(after_ms=1) == []
    assert len(player.tick(after_ms=19)) == 1


def test_ticks_that_come_a_little_early_or_late_send_one_frame_each() -> None:
    player = Player()
    player.say(30)
    player.tick()
    assert [len(player.tick(after_ms=after_ms)) for after_ms in (19, 21, 20, 13, 27, 29, 11, 20)] == [1] * 8


def test_a_late_tick_catches_up_to_the_lead_and_not_beyond() -> None:
    player = Player()
    player.say(30)
    player.tick()
    assert len(player.tick(after_ms=45)) == 2
    assert player.playout.stats.lateness_ms == 25
    assert player.playout.stats.underruns == 0
    assert len(player.tick(after_ms=500)) == 3
    assert player.playout.stats.underruns == 1


def test_ticks_in_time_are_not_late() -> None:
    player = Player()
    player.say(30)
    player.tick()
    player.tick(after_ms=5)
    player.tick(after_ms=15)
    assert player.playout.stats.lateness_ms == 0
    player.tick(after_ms=27)
    assert player.playout.stats.lateness_ms == 7
    player.tick(after_ms=13)
    assert player.playout.stats.lateness_ms == 0


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_any_rate_is_paced_alike(rate_hz: int) -> None:
    playout = Playout(PlayoutSettings(rate_hz=rate_hz, lead_ms=40))
    playout.open(Utterance("u1", "i1", 1, Script(TEXT)))
    samples = PcmFormat(rate_hz).frame_samples
    for seq in range(4):
        playout.push("u1", Frame(seq, tone(samples=samples), samples))
    playout.close("u1")
    playout.close_item("i1")
    assert [len(playout.tick(now_ms).frames) for now_ms in range(0, 80, 20)] == [2, 1, 1, 0]
    assert playout.tick(80).drained == ("i1",)
    assert playout.heard("i1", 80) == HeardItem("i1", 4 * samples, len(TEXT))


def test_utterances_follow_each_other_without_a_gap_in_the_order_they_were_opened() -> None:
    player = Player()
    player.playout.open(Utterance("u1", "i1", 1, Script("One. ")))
    player.playout.open(Utterance("u2", "i1", 1, Script("Two.", 5)))
    player.push(2, "u2", first=5)
    assert player.tick() == []
    player.push(5, "u1")
    player.playout.close("u1")
    player.ticks(10)
    assert player.numbers() == [0, 1, 2, 3, 4, 5, 6]
    assert player.playout.stats.pause_ms == 0


def test_an_utterance_that_comes_late_makes_a_pause_and_no_underrun() -> None:
    player = Player()
    player.say(3)
    player.ticks(8)
    player.say(3, "u2")
    player.tick()
    assert player.playout.stats.pause_ms == 100
    assert player.playout.stats.underruns == 0


def test_a_new_item_after_silence_is_no_pause() -> None:
    player = Player()
    player.say(3)
    player.ticks(8)
    player.say(3, "u2", "i2")
    player.ticks(3)
    assert (player.playout.stats.pause_ms, player.playout.stats.underruns) == (0, 0)


def test_an_engine_that_is_too_slow_makes_one_gap_and_no_stutter() -> None:
    player = Player()
    player.say(3, close=False)
    player.ticks(5)
    player.push(1, first=3)
    assert player.tick() == []
    player.push(2, first=4)
    assert len(player.tick()) == 3
    assert player.playout.stats.underruns == 1
    assert player.playout.stats.underrun_ms == 60


def test_the_last_frames_of_a_slow_engine_do_not_wait() -> None:
    player = Player()
    player.say(3, close=False)
    player.ticks(5)
    player.push(1, first=3)
    player.playout.close("u1")
    assert len(player.tick()) == 1


def test_the_next_utterance_does_not_wait_for_a_lead_after_an_underrun() -> None:
    player = Player()
    player.say(3, close=False)
    player.ticks(5)
    player.playout.close("u1")
    player.say(1, "u2", close=False)
    assert len(player.tick()) == 1


# --------------------------------------------------------------------- back-pressure


def test_a_producer_sees_how_much_room_there_is() -> None:
    player = Player(PlayoutSettings(rate_hz=RATE_HZ, capacity_frames=5))
    player.say(5, close=False)
    assert player.playout.room_frames("u1") == 0
    with pytest.raises(Full, match="5 frames"):
        player.playout.push("u1", Frame(5, tone(), FRAME_SAMPLES))
    player.tick()
    assert player.playout.room_frames("u1") == 3
    assert player.playout.room_frames("nobody") == 0


def test_only_so_many_utterances_wait() -> None:
    player = Player(PlayoutSettings(rate_hz=RATE_HZ, capacity_utterances=2))
    player.say(1, "u1")
    player.say(9, "u2")
    assert not player.playout.can_open
    with pytest.raises(Full, match="2 utterances"):
        player.playout.open(Utterance("u3", "i1", 1, Script(TEXT)))
    player.tick()
    assert player.playout.can_open


def test_a_frame_of_another_length_is_refused() -> None:
    player = Player()
    player.say(0, close=False)
    with pytest.raises(BadFormat, match="962 bytes; 20 ms at 24000 Hz are 960"):
        player.playout.push("u1", Frame(0, tone(samples=481), 481))


@pytest.mark.parametrize("lead_ms", [0, 19, 2_000])
def test_a_lead_that_cannot_be_kept_is_refused(lead_ms: int) -> None:
    with pytest.raises(ValueError, match="lead_ms"):
        PlayoutSettings(lead_ms=lead_ms)


def test_what_belongs_to_no_utterance_is_dropped() -> None:
    player = Player()
    player.say(1)
    player.ticks(3)
    assert not player.playout.push("u1", Frame(1, tone(), FRAME_SAMPLES))
    assert not player.playout.is_open("u1")
    player.playout.mark("u1", TextMark(0, 3, 0))
    player.playout.close("u1")
    player.playout.close_item("nothing")


def test_a_closed_utterance_takes_no_frames() -> None:
    player = Player()
    player.say(9)
    assert not player.playout.is_open("u1")
    assert not player.playout.push("u1", Frame(9, tone(), FRAME_SAMPLES))


# ----------------------------------------------------------------------- what is heard


def test_an_item_is_drained_when_its_last_frame_was_heard() -> None:
    player = Player()
    player.say(4)
    assert not player.playout.idle
    player.ticks(4)
    assert player.drained == []
    player.playout.close_item("i1")
    player.tick()
    assert player.drained == ["i1"]
    assert player.playout.idle


def test_an_item_of_which_nothing_was_said_is_drained_at_once() -> None:
    player = Player()
    player.say(0)
    player.playout.close_item("i1")
    player.tick()
    assert player.drained == ["i1"]
    assert player.playout.heard("i1", player.now_ms) == HeardItem("i1", 0, 0)


def test_a_frame_is_heard_when_its_time_has_passed_not_when_it_is_sent() -> None:
    player = Player()
    player.say(10)
    player.tick()
    assert player.playout.heard("i1", player.now_ms).samples == 0
    assert player.playout.heard("i1", player.now_ms + 30).samples == FRAME_SAMPLES * 3 // 2
    assert player.playout.heard("i1", player.now_ms + 500).samples == FRAME_SAMPLES * 3


def test_a_flush_drops_everything_and_says_what_was_heard() -> None:
    player = Player()
    player.say(20, words=5)
    player.say(20, "u2", text="later")
    player.ticks(9)
    assert player.playout.flush(2, player.now_ms) == (HeardItem("i1", 8 * FRAME_SAMPLES, len("one two")),)
    assert player.ticks(5) == []
    assert player.drained == []
    assert player.playout.idle
    assert not player.playout.push("u2", Frame(20, tone(), FRAME_SAMPLES))
    assert not player.playout.open(Utterance("u3", "i1", 1, Script(TEXT)))
    assert player.playout.heard("i1", player.now_ms).samples == 8 * FRAME_SAMPLES


def test_a_flush_spares_what_is_newer_and_never_goes_back() -> None:
    player = Player()
    player.say(5)
    player.say(5, "u2", "i2", epoch=3)
    player.tick()
    player.playout.flush(3, player.now_ms)
    player.playout.flush(2, player.now_ms)
    assert not player.playout.open(Utterance("u3", "i3", 2, Script(TEXT)))
    assert [frame.item_id for frame in player.ticks(6)] == ["i2"] * 5


def test_a_flush_of_older_speech_leaves_the_pace_of_the_newer() -> None:
    player = Player()
    player.say(20, epoch=3)
    player.tick()
    player.playout.flush(3, player.now_ms)
    assert len(player.tick()) == 1


def test_after_a_flush_the_next_reply_starts_at_once() -> None:
    player = Player()
    player.say(20)
    player.ticks(3)
    player.playout.flush(2, player.now_ms)
    player.say(20, "u2", "i2", epoch=2)
    assert len(player.tick(after_ms=0)) == 3
    assert player.playout.stats.underruns == 0


def test_a_client_that_truncates_is_believed() -> None:
    player = Player()
    player.say(20, words=5)
    player.ticks(10)
    assert player.playout.truncate("i1", 150) == HeardItem("i1", 150 * 24, len("one two"))
    assert player.ticks(20) == []
    assert player.drained == ["i1"]
    assert player.playout.heard("i1", player.now_ms).samples == 150 * 24
    assert not player.playout.open(Utterance("u2", "i1", 1, Script(TEXT)))


def test_a_client_that_heard_nothing_is_believed() -> None:
    player = Player()
    player.say(20, words=5)
    player.ticks(10)
    player.playout.flush(2, player.now_ms)
    assert player.playout.truncate("i1", 0) == HeardItem("i1", 0, 0)


def test_truncating_leaves_other_items_alone() -> None:
    player = Player()
    player.say(5)
    player.say(5, "u2", "i2")
    player.ticks(4)
    player.playout.truncate("i1", 60)
    player.ticks(8)
    assert player.playout.heard("i2", player.now_ms).samples == 5 * FRAME_SAMPLES


@pytest.mark.parametrize("audio_end_ms", [-1, 201])
def test_nobody_heard_more_than_was_sent(audio_end_ms: int) -> None:
    player = Player()
    player.say(20)
    player.ticks(8)
    with pytest.raises(BadRequest, match="200 ms of i1 were sent"):
        player.playout.truncate("i1", audio_end_ms)


def test_an_unknown_item_is_refused_with_the_known_ones() -> None:
    player = Player()
    player.say(1)
    with pytest.raises(BadRequest) as refused:
        player.playout.heard("i9", player.now_ms)
    assert refused.value.allowed == ("i1",)


def test_a_clients_position_counts_what_was_repeated_after_a_hold() -> None:
    player = Player()
    player.say(40, words=10)
    player.ticks(13)
    player.hold()
    player.ticks(5)
    player.playout.resume()
    player.ticks(5)
    assert player.numbers()[:15] == list(range(15))
    assert player.numbers()[16:] == list(range(10, 17))
    assert player.playout.truncate("i1", 16 * 20 + 30).samples == 15 * FRAME_SAMPLES
    assert player.playout.truncate("i1", 16 * 20 + 130).samples == 16.5 * FRAME_SAMPLES


def test_a_client_that_reports_its_playback_is_waited_for() -> None:
    player = Player()
    player.say(10)
    player.playout.close_item("i1")
    player.ticks(6)
    player.playout.report_played("i1", 40, player.now_ms)
    assert player.playout.heard("i1", player.now_ms).samples == 5 * FRAME_SAMPLES
    player.ticks(7)
    assert player.drained == []
    player.tick()
    assert player.drained == ["i1"]


def test_reports_that_make_no_sense_change_nothing() -> None:
    player = Player()
    player.say(10)
    player.ticks(4)
    for item_id, played_ms in (("i9", 20), ("i1", 5_000), ("i1", -40)):
        player.playout.report_played(item_id, played_ms, player.now_ms)
    player.playout.report_played("i1", 80, player.now_ms - 60)
    assert player.playout.heard("i1", player.now_ms).samples == 3 * FRAME_SAMPLES


def test_what_was_heard_stays_known_for_the_last_items_only() -> None:
    player = Player()
    for number in range(KEPT_ITEMS + 5):
        player.say(0, f"u{number}", f"i{number}")
        player.playout.close_item(f"i{number}")
        player.tick()
    assert player.playout.heard(f"i{KEPT_ITEMS + 4}", player.now_ms).samples == 0
    with pytest.raises(BadRequest):
        player.playout.heard("i0", player.now_ms)


# ------------------------------------------------------------------------------- hold


def test_a_hold_fades_within_one_frame_and_is_silent_from_then_on() -> None:
    player = Player()
    player.say(40)
    player.ticks(5)
    player.hold()
    assert player.playout.held
    (faded,) = player.tick()
    samples = np.frombuffer(faded.pcm, "<i2").astype(int)
    assert samples[0] > 100
    assert np.abs(np.diff(samples)).max() < 10
    assert not samples[FRAME_SAMPLES // 2 :].any()
    assert player.ticks(20) == []


def test_a_hold_before_anything_was_said_sends_nothing_and_resumes_at_the_beginning() -> None:
    player = Player()
    player.hold()
    player.say(10)
    assert player.ticks(5) == []
    player.playout.resume()
    assert player.tick()[0].pcm == tone(100)


def test_a_hold_in_a_gap_sends_nothing() -> None:
    player = Player()
    player.say(3, close=False)
    player.ticks(10)
    player.hold()
    assert player.tick() == []
    player.push(10, first=3)
    assert player.ticks(3) == []


def test_a_held_reply_resumes_at_a_word_boundary() -> None:
    player = Player()
    player.say(60, words=10)
    player.ticks(26)
    player.hold()
    player.ticks(10)
    player.playout.resume()
    (first, second, *_) = player.tick()
    assert loudest(second.pcm) == 100 + 21
    assert np.frombuffer(first.pcm, "<i2")[0] == 0
    assert loudest(first.pcm) == 100 + 20
    assert player.playout.stats.underruns == 0


def test_a_held_reply_without_words_resumes_at_its_quietest_place() -> None:
    player = Player()
    player.say(0, close=False)
    for seq in range(80):
        level = 5 if seq == 40 else 1_000 + seq
        player.playout.push("u1", Frame(seq, tone(level), FRAME_SAMPLES))
    player.ticks(57)
    player.hold()
    player.ticks(10)
    player.playout.resume()
    frames = player.ticks(2)
    assert [loudest(frame.pcm) for frame in frames] == [5, 1_041, 1_042, 1_043]


def test_a_held_reply_that_had_just_begun_begins_again() -> None:
    player = Player()
    player.say(80)
    player.ticks(10)
    player.hold()
    player.ticks(3)
    player.playout.resume()
    player.got.clear()
    player.ticks(2)
    assert player.numbers() == [0, 1, 2, 3]


def test_a_hold_that_ends_before_it_was_audible_repeats_nothing() -> None:
    player = Player()
    player.say(40, words=10)
    player.ticks(26)
    player.hold()
    player.hold()
    player.playout.resume()
    player.playout.resume()
    player.ticks(5)
    assert player.numbers() == list(range(33))


def test_a_hold_after_the_last_frame_was_sent_repeats_nothing_and_drains() -> None:
    player = Player()
    player.say(5, words=2)
    player.playout.close_item("i1")
    player.ticks(3)
    player.hold()
    assert player.ticks(5) == []
    assert player.drained == ["i1"]
    player.playout.resume()
    assert player.ticks(5) == []


def test_a_flush_ends_a_hold() -> None:
    player = Player()
    player.say(40)
    player.ticks(5)
    player.hold()
    player.tick()
    player.playout.flush(2, player.now_ms)
    assert not player.playout.held
    player.say(5, "u2", "i2", epoch=2)
    assert player.tick()[0].pcm == tone(100)


def test_a_ducked_reply_goes_on_a_quarter_as_loud() -> None:
    player = Player(PlayoutSettings(rate_hz=RATE_HZ, hold_mode="duck"))
    player.say(0, close=False)
    for seq in range(30):
        player.playout.push("u1", Frame(seq, tone(1_000), FRAME_SAMPLES))
    player.ticks(5)
    player.hold()
    first, second = player.ticks(2)
    assert np.frombuffer(first.pcm, "<i2")[0] == 1_000
    assert np.frombuffer(first.pcm, "<i2")[-1] == 250
    assert second.pcm == tone(250)
    player.playout.resume()
    first, second = player.ticks(2)
    assert np.frombuffer(first.pcm, "<i2")[0] == 250
    assert second.pcm == tone(1_000)
    assert player.playout.heard("i1", player.now_ms).samples == 8 * FRAME_SAMPLES


def test_a_ducked_reply_does_not_begin_while_held() -> None:
    player = Player(PlayoutSettings(rate_hz=RATE_HZ, hold_mode="duck"))
    player.hold()
    player.say(10)
    assert player.ticks(5) == []
    player.playout.resume()
    assert player.tick()[0].pcm == tone(100)


def test_a_ducked_reply_goes_on_ducked_with_its_next_sentence() -> None:
    player = Player(PlayoutSettings(rate_hz=RATE_HZ, hold_mode="duck"))
    player.say(3)
    player.ticks(2)
    player.hold()
    player.ticks(5)
    player.say(9, "u2")
    assert loudest(player.ticks(3)[-1].pcm) == 104 // 4
    player.playout.resume()
    player.got.clear()
    player.ticks(3)
    assert player.numbers() == [5, 6, 7]


def test_an_engine_that_is_only_just_fast_enough_is_not_waited_for() -> None:
    player = Player()
    player.say(3, close=False)
    player.ticks(2)
    player.push(1, first=3)
    assert len(player.tick()) == 1
    assert player.playout.stats.underruns == 0
