from __future__ import annotations

import pytest
from antiphon_orchestrator.turn import events as ev
from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.floor import Floor, FloorSettings, State
from antiphon_orchestrator.turn.limits import LimitSettings


class Conversation:
    """A floor with a clock of its own."""

    def __init__(self, settings: FloorSettings | None = None) -> None:
        self.now_ms = 1_000
        self.floor = Floor(settings or FloorSettings(), self.now_ms)

    def on(self, *events: ev.FloorEvent, after_ms: int = 0) -> list[ev.Action]:
        """Tells the floor `events` after some time; returns all it answered."""
        self.now_ms += after_ms
        return [action for event in events for action in self.floor.on(event, self.now_ms)]

    def ticks(self, duration_ms: int) -> list[ev.Action]:
        """Lets time pass in steps of 20 ms."""
        return [action for _ in range(duration_ms // 20) for action in self.on(ev.Tick(), after_ms=20)]

    def turn(self) -> int:
        """A user's turn up to the reply's preparation; returns the reply's epoch."""
        *_, respond = self.on(ev.UserStarted(), ev.UserPaused(800), ev.UserFinished())
        assert isinstance(respond, ev.Respond)
        return respond.epoch

    def reply(self) -> int:
        """A turn, and its reply becomes audible; returns its epoch."""
        epoch = self.turn()
        self.on(ev.ReplyStarted(epoch))
        return epoch

    def state(self) -> State:
        return self.floor.state


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_a_turn_goes_from_idle_by_listening_and_thinking_to_speaking_and_back(talk: Conversation) -> None:
    assert talk.state() is State.IDLE
    assert talk.on(ev.UserStarted()) == []
    assert talk.state() is State.LISTENING
    assert talk.on(ev.UserPaused(600)) == [ev.StartSpeculation(1, reply=True)]
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.Respond(1, speculated=True)]
    assert talk.state() is State.THINKING
    assert talk.on(ev.ReplyStarted(1)) == []
    assert talk.state() is State.SPEAKING
    assert talk.on(ev.ReplyFinished(1)) == []
    assert talk.state() is State.IDLE


def test_a_backchannel_holds_the_reply_and_lets_it_go_on(talk: Conversation) -> None:
    talk.reply()
    assert talk.on(ev.UserStarted()) == [ev.Hold()]
    assert talk.state() is State.HELD
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL), after_ms=250) == []
    assert talk.on(ev.UserPaused(300), after_ms=150) == [ev.Recognise()]
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=60) == []
    assert talk.ticks(80) == []
    assert talk.ticks(20) == [ev.Resume()]
    assert talk.state() is State.SPEAKING
    assert talk.on(ev.UserFinished(), after_ms=300) == [ev.DiscardTurn()]


def test_two_words_interrupt_while_they_are_spoken(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserHeard(Heard.WORDS, words=2), after_ms=300) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]
    assert talk.state() is State.INTERRUPTED


# --------------------------------------------------------------- speech during a reply


def test_a_click_holds_the_reply_for_a_moment(talk: Conversation) -> None:
    talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserPaused(32), after_ms=100) == [ev.Recognise()]
    assert talk.on(ev.UserHeard(Heard.NOTHING, final=True), after_ms=60) == []
    assert talk.ticks(100) == [ev.Resume()]


def test_words_after_a_backchannel_hold_again_and_interrupt(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserPaused(250), after_ms=300)
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=150) == [ev.Resume()]
    assert talk.on(ev.UserResumed(), after_ms=100) == [ev.Hold()]
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL), after_ms=100) == []
    assert talk.on(ev.UserHeard(Heard.COMMAND, words=3), after_ms=200) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]
    assert talk.on(ev.UserPaused(900)) == [ev.StartSpeculation(epoch + 2, reply=True)]
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.Respond(epoch + 2, speculated=True)]


def test_words_that_go_on_from_a_backchannel_without_a_pause_interrupt(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL), after_ms=300) == []
    assert talk.on(ev.UserHeard(Heard.WORDS, words=4), after_ms=300) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]


def test_words_in_the_pause_interrupt_and_prepare_an_answer_at_once(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserPaused(500), after_ms=500)
    assert talk.on(ev.UserHeard(Heard.WORDS, words=3, final=True)) == [
        ev.Interrupt(epoch + 1, ev.Cause.USER),
        ev.StartSpeculation(epoch + 2, reply=True),
    ]


def test_words_recognised_after_the_turn_has_ended_are_still_a_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserPaused(500), after_ms=500)
    assert talk.on(ev.UserFinished(), after_ms=100) == []
    assert talk.state() is State.HELD
    assert talk.on(ev.UserHeard(Heard.WORDS, words=3, final=True), after_ms=50) == [
        ev.Interrupt(epoch + 1, ev.Cause.USER),
        ev.CommitTurn(),
        ev.Respond(epoch + 2),
    ]


def test_a_backchannel_recognised_after_the_turn_has_ended_is_none(talk: Conversation) -> None:
    talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserFinished(), after_ms=300)
    heard = ev.UserHeard(Heard.BACKCHANNEL, final=True)
    assert talk.on(heard, after_ms=50) == [ev.Resume(), ev.DiscardTurn()]
    assert talk.state() is State.SPEAKING


def test_a_user_who_speaks_again_before_it_was_decided_keeps_the_hold(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserFinished(), after_ms=300)
    assert talk.on(ev.UserStarted(), after_ms=50) == []
    assert talk.state() is State.HELD
    assert talk.on(ev.UserHeard(Heard.WORDS, words=3), after_ms=50) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]


def test_with_no_recogniser_long_speech_interrupts_and_short_speech_does_not(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.ticks(1_000) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]

    other = Conversation()
    other.reply()
    other.on(ev.UserStarted())
    other.on(ev.UserPaused(300), after_ms=300)
    assert other.ticks(500) == [ev.Resume()]


def test_noise_in_which_nothing_is_recognised_does_not_hold_the_reply_for_long(talk: Conversation) -> None:
    talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserHeard(Heard.NOTHING), after_ms=500) == []
    assert talk.ticks(1_100) == [ev.Resume()]
    assert talk.on(ev.UserHeard(Heard.NOTHING), after_ms=500) == []


def test_words_in_the_middle_of_noise_interrupt(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserHeard(Heard.NOTHING), after_ms=500)
    talk.ticks(1_100)
    assert talk.on(ev.UserHeard(Heard.WORDS, words=1), after_ms=500) == []
    assert talk.on(ev.UserHeard(Heard.WORDS, words=2)) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]
    assert talk.state() is State.INTERRUPTED


def test_somebody_else_in_the_room_does_not_interrupt(talk: Conversation) -> None:
    talk.reply()
    assert talk.on(ev.UserStarted(level_db=-12.0)) == []
    assert talk.state() is State.SPEAKING
    talk.on(ev.UserFinished(), after_ms=3_000)
    assert talk.on(ev.UserStarted()) == [ev.Hold()]
    assert talk.on(ev.UserHeard(Heard.WORDS, words=4, level_db=-14.0), after_ms=300) == [ev.Resume()]


def test_speech_before_the_first_sound_holds_the_answer_and_a_cough_does_not_cost_it(talk: Conversation) -> None:
    epoch = talk.turn()
    assert talk.on(ev.UserStarted()) == [ev.Hold()]
    talk.on(ev.UserPaused(200), after_ms=200)
    assert talk.on(ev.UserHeard(Heard.NOTHING, final=True), after_ms=150) == [ev.Resume()]
    assert talk.state() is State.THINKING
    assert talk.on(ev.UserFinished()) == [ev.DiscardTurn()]
    talk.on(ev.ReplyStarted(epoch))
    assert talk.state() is State.SPEAKING


def test_a_user_who_goes_on_never_hears_the_answer_to_half_a_sentence(talk: Conversation) -> None:
    epoch = talk.turn()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserHeard(Heard.WORDS, words=3), after_ms=300) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]
    assert talk.on(ev.ReplyStarted(epoch), ev.ReplyFinished(epoch)) == []
    assert talk.state() is State.INTERRUPTED


def test_an_interruption_without_words_lets_the_reply_continue(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserHeard(Heard.WORDS, words=2), ev.UserPaused(400), after_ms=300)
    talk.on(ev.UserHeard(Heard.NOTHING, final=True))
    assert talk.on(ev.UserFinished()) == [
        ev.DropSpeculation(epoch + 2),
        ev.DiscardTurn(),
        ev.Continue(epoch + 3),
    ]
    assert talk.state() is State.THINKING


def test_an_interruption_that_turns_out_empty_lets_the_reply_continue(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserHeard(Heard.WORDS, words=2), ev.UserFinished(), after_ms=300)
    assert talk.on(ev.TurnEmpty()) == [ev.Interrupt(epoch + 3, ev.Cause.EMPTY), ev.Continue(epoch + 4)]


# ------------------------------------------------------------------- the end of a reply


def test_yes_after_the_reply_is_a_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.ReplyFinished(epoch, asks=True), ev.UserStarted(), ev.UserPaused(300))
    talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True))
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.Respond(epoch + 1, speculated=True)]


def test_yes_during_the_question_that_ends_the_reply_is_a_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted(answers=True))
    talk.on(ev.UserPaused(300), after_ms=300)
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True))[0] == ev.Interrupt(epoch + 1, ev.Cause.USER)


@pytest.mark.parametrize(
    ("asks", "heard", "is_turn"),
    [
        (False, Heard.BACKCHANNEL, False),
        (True, Heard.BACKCHANNEL, True),
        (True, Heard.NOTHING, False),
        (False, Heard.WORDS, True),
    ],
)
def test_a_reply_that_ends_while_held_leaves_words_and_answers(
    talk: Conversation, asks: bool, heard: Heard, is_turn: bool
) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.ReplyFinished(epoch, asks=asks), after_ms=40) == [ev.Resume()]
    assert talk.state() is State.LISTENING
    talk.on(ev.UserPaused(300), ev.UserHeard(heard, final=True), after_ms=300)
    actions = talk.on(ev.UserFinished())
    assert (ev.CommitTurn() in actions) is is_turn
    assert (ev.DiscardTurn() in actions) is not is_turn


def test_a_reply_that_ends_after_the_speech_that_held_it_prepares_the_answer(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserPaused(400), after_ms=400)
    assert talk.on(ev.ReplyFinished(epoch)) == [ev.Resume(), ev.StartSpeculation(epoch + 1, reply=True)]


def test_a_reply_that_ends_after_the_turn_that_held_it_settles_the_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserFinished(), after_ms=400)
    assert talk.on(ev.ReplyFinished(epoch)) == [ev.Resume(), ev.CommitTurn(), ev.Respond(epoch + 1)]


def test_a_dismissed_backchannel_is_discarded_after_the_reply_too(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=150)
    talk.on(ev.ReplyFinished(epoch))
    assert talk.state() is State.IDLE
    assert talk.on(ev.UserPaused(300)) == []
    assert talk.on(ev.UserFinished()) == [ev.DiscardTurn()]


def test_what_follows_a_dismissed_backchannel_after_the_reply_is_a_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=150)
    talk.on(ev.ReplyFinished(epoch), ev.UserResumed())
    assert talk.state() is State.LISTENING
    talk.on(ev.UserPaused(300), ev.UserHeard(Heard.BACKCHANNEL, final=True))
    assert ev.CommitTurn() in talk.on(ev.UserFinished())


def test_dismissed_noise_in_which_words_are_found_after_the_reply_is_a_turn(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted(level_db=-20.0), ev.ReplyFinished(epoch))
    talk.on(ev.UserHeard(Heard.WORDS, words=3, level_db=-20.0))
    assert talk.state() is State.IDLE
    assert talk.on(ev.UserPaused(900)) == []
    talk.on(ev.UserHeard(Heard.WORDS, words=3))
    assert talk.state() is State.LISTENING
    assert ev.CommitTurn() in talk.on(ev.UserFinished())


def test_a_reply_with_nothing_to_hear_ends_where_it_was(talk: Conversation) -> None:
    epoch = talk.turn()
    assert talk.on(ev.ReplyFinished(epoch)) == []
    assert talk.state() is State.IDLE


# -------------------------------------------------------------------------- turns


def test_a_user_who_goes_on_after_a_pause_throws_the_speculation_away(talk: Conversation) -> None:
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserPaused(400)) == [ev.StartSpeculation(1, reply=True)]
    assert talk.on(ev.UserPaused(400)) == []
    assert talk.on(ev.UserResumed()) == [ev.DropSpeculation(1)]
    assert talk.on(ev.UserPaused(400)) == [ev.StartSpeculation(2, reply=True)]
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.Respond(2, speculated=True)]


def test_a_turn_without_words_is_none(talk: Conversation) -> None:
    talk.on(ev.UserStarted(), ev.UserPaused(200), ev.UserHeard(Heard.NOTHING, final=True))
    assert talk.on(ev.UserFinished()) == [ev.DropSpeculation(1), ev.DiscardTurn()]
    assert talk.state() is State.IDLE


def test_a_committed_turn_that_turns_out_empty_gets_no_answer(talk: Conversation) -> None:
    epoch = talk.turn()
    assert talk.on(ev.TurnEmpty()) == [ev.Interrupt(epoch + 1, ev.Cause.EMPTY)]
    assert talk.on(ev.TurnEmpty()) == []
    assert talk.state() is State.IDLE


def test_an_answer_that_is_heard_already_stays(talk: Conversation) -> None:
    talk.reply()
    assert talk.on(ev.TurnEmpty()) == []
    assert talk.state() is State.SPEAKING


def test_events_about_no_speech_change_nothing(talk: Conversation) -> None:
    late: list[ev.FloorEvent] = [
        ev.UserPaused(100),
        ev.UserFinished(),
        ev.UserHeard(Heard.WORDS, words=3),
        ev.CancelRequested(),
    ]
    assert talk.on(*late) == []
    assert talk.state() is State.IDLE


def test_speech_that_goes_on_without_having_begun_has_begun(talk: Conversation) -> None:
    talk.on(ev.UserResumed())
    assert talk.state() is State.LISTENING


def test_without_create_response_turns_are_committed_and_nothing_else() -> None:
    talk = Conversation(FloorSettings(create_response=False))
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserPaused(400)) == [ev.StartSpeculation(1, reply=False)]
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.DropSpeculation(1)]
    assert talk.on(ev.ResponseRequested()) == [ev.Respond(2)]


def test_without_interrupt_response_a_turn_is_answered_after_the_reply() -> None:
    talk = Conversation(FloorSettings(interrupt_response=False))
    epoch = talk.reply()
    assert talk.on(ev.UserStarted(), ev.UserPaused(400), ev.UserHeard(Heard.WORDS, words=4, final=True)) == []
    assert talk.state() is State.SPEAKING
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn()]
    assert talk.on(ev.ReplyFinished(epoch)) == [ev.Respond(epoch + 1)]


def test_without_interrupt_response_a_backchannel_is_not_answered() -> None:
    talk = Conversation(FloorSettings(interrupt_response=False))
    epoch = talk.reply()
    talk.on(ev.UserStarted(), ev.UserPaused(400), ev.UserHeard(Heard.BACKCHANNEL, final=True))
    assert talk.on(ev.UserFinished()) == [ev.DiscardTurn()]
    assert talk.on(ev.ReplyFinished(epoch)) == []


def test_an_answer_owed_waits_for_a_user_who_is_speaking_again() -> None:
    talk = Conversation(FloorSettings(interrupt_response=False))
    epoch = talk.reply()
    talk.on(ev.UserStarted(), ev.UserFinished(), ev.UserStarted())
    assert talk.on(ev.ReplyFinished(epoch)) == []
    talk.on(ev.UserHeard(Heard.NOTHING, final=True))
    assert talk.on(ev.UserFinished()) == [ev.DiscardTurn(), ev.Respond(epoch + 1)]


def test_a_hold_ends_when_interruptions_are_switched_off(talk: Conversation) -> None:
    talk.reply()
    talk.on(ev.UserStarted())
    talk.floor.configure(FloorSettings(interrupt_response=False))
    assert talk.ticks(20) == [ev.Resume()]


# -------------------------------------------------------------------------- clients


def test_a_client_is_answered_on_request_and_refused_during_a_reply(talk: Conversation) -> None:
    assert talk.on(ev.ResponseRequested()) == [ev.Respond(1)]
    assert talk.on(ev.ResponseRequested()) == [ev.Refuse()]
    assert talk.on(ev.CancelRequested()) == [ev.Interrupt(2, ev.Cause.CLIENT)]
    assert talk.state() is State.IDLE
    assert talk.floor.epoch == 2


def test_typed_text_takes_the_turn_from_a_user_who_pauses(talk: Conversation) -> None:
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    assert talk.on(ev.ResponseRequested()) == [ev.DropSpeculation(1), ev.Respond(2)]


def test_a_push_to_talk_turn_is_committed_without_an_answer(talk: Conversation) -> None:
    assert talk.on(ev.CommitRequested()) == [ev.CommitTurn()]
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    assert talk.on(ev.CommitRequested()) == [ev.DropSpeculation(1), ev.CommitTurn()]
    assert talk.state() is State.IDLE


def test_a_commit_during_a_hold_interrupts(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.CommitRequested()) == [ev.Interrupt(epoch + 1, ev.Cause.USER), ev.CommitTurn()]


def test_a_clear_throws_the_speech_away_and_lets_the_reply_go_on(talk: Conversation) -> None:
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    assert talk.on(ev.ClearRequested()) == [ev.DropSpeculation(1), ev.DiscardTurn()]
    talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.ClearRequested()) == [ev.Resume(), ev.DiscardTurn()]
    assert talk.state() is State.SPEAKING


def test_a_cancel_during_a_hold_leaves_the_user_the_floor(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.CancelRequested()) == [ev.Interrupt(epoch + 1, ev.Cause.CLIENT)]
    assert talk.state() is State.LISTENING


# --------------------------------------------------------------------------- limits


def test_an_answer_that_never_sounds_is_given_up() -> None:
    talk = Conversation(FloorSettings(thinking_ms=5_000))
    epoch = talk.turn()
    assert talk.ticks(4_980) == []
    assert talk.ticks(20) == [ev.Interrupt(epoch + 1, ev.Cause.STALLED)]
    assert talk.state() is State.IDLE


def test_an_answer_that_is_heard_or_held_is_not_given_up() -> None:
    talk = Conversation(FloorSettings(thinking_ms=1_000))
    talk.turn()
    talk.on(ev.UserStarted())
    talk.on(ev.UserHeard(Heard.BACKCHANNEL), after_ms=1_100)
    assert talk.ticks(20) == []
    talk.on(ev.ClearRequested())
    talk.on(ev.ReplyStarted(1))
    assert talk.ticks(2_000) == []


def test_a_silent_user_is_nudged_after_each_reply_and_the_session_still_ends_as_idle() -> None:
    talk = Conversation(FloorSettings(nudge_ms=5_000, limits=LimitSettings(idle_ms=12_000, warn_ms=1_000)))
    epoch = talk.reply()
    talk.on(ev.ReplyFinished(epoch))
    assert talk.ticks(5_000) == [ev.Nudge(), ev.Respond(epoch + 1)]
    talk.on(ev.ReplyStarted(epoch + 1), ev.ReplyFinished(epoch + 1))
    assert talk.ticks(5_000) == [ev.Nudge(), ev.Respond(epoch + 2)]
    talk.on(ev.ReplyFinished(epoch + 2))
    assert talk.ticks(2_000) == [ev.Announce(ev.Cause.IDLE, remaining_ms=1_000), ev.Close(ev.Cause.IDLE)]
    assert talk.state() is State.CLOSED


def test_a_user_who_speaks_is_not_nudged() -> None:
    talk = Conversation(FloorSettings(nudge_ms=5_000))
    epoch = talk.reply()
    talk.on(ev.ReplyFinished(epoch))
    talk.on(ev.UserStarted())
    assert talk.ticks(6_000) == []


def test_the_session_ends_after_the_reply_to_its_last_turn() -> None:
    talk = Conversation(FloorSettings(limits=LimitSettings(turns=1)))
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    assert talk.on(ev.UserFinished()) == [
        ev.CommitTurn(),
        ev.Announce(ev.Cause.TURNS, remaining_turns=0),
        ev.Respond(1, speculated=True),
    ]
    talk.on(ev.ReplyStarted(1))
    assert talk.on(ev.ReplyFinished(1)) == [ev.Close(ev.Cause.TURNS)]


def test_a_turn_beyond_the_last_ends_the_session() -> None:
    talk = Conversation(FloorSettings(limits=LimitSettings(turns=1)))
    talk.reply()
    talk.on(ev.UserStarted())
    actions = talk.on(ev.UserHeard(Heard.WORDS, words=3), ev.UserFinished(), after_ms=300)
    assert actions == [ev.Interrupt(2, ev.Cause.USER), ev.Close(ev.Cause.TURNS)]


def test_the_longest_duration_ends_even_a_reply() -> None:
    talk = Conversation(FloorSettings(limits=LimitSettings(duration_ms=20_000, warn_ms=5_000)))
    epoch = talk.reply()
    assert talk.ticks(20_000) == [
        ev.Announce(ev.Cause.DURATION, remaining_ms=5_000),
        ev.Interrupt(epoch + 1, ev.Cause.DURATION),
        ev.Close(ev.Cause.DURATION),
    ]


def test_a_closed_floor_is_deaf(talk: Conversation) -> None:
    talk.on(ev.UserStarted(), ev.UserPaused(300))
    assert talk.on(ev.HungUp()) == [ev.DropSpeculation(1), ev.Close(ev.Cause.HUNG_UP)]
    assert talk.on(ev.UserStarted(), ev.HungUp(), ev.ResponseRequested()) == []
    assert talk.state() is State.CLOSED


def test_words_that_follow_a_backchannel_at_once_never_let_it_go_on(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    talk.on(ev.UserPaused(250), after_ms=300)
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=60) == []
    assert talk.on(ev.UserResumed(), after_ms=20) == []
    assert talk.on(ev.UserHeard(Heard.COMMAND, words=3), after_ms=200) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]


def test_a_server_that_ends_is_announced_and_waits_for_the_turn_under_way(talk: Conversation) -> None:
    epoch = talk.reply()
    assert talk.on(ev.ServerEnds(30_000)) == [ev.Announce(ev.Cause.SERVER_ENDS, remaining_ms=30_000)]
    assert talk.ticks(10_000) == []
    assert talk.on(ev.ReplyFinished(epoch)) == []
    assert talk.on(ev.Tick()) == [ev.Close(ev.Cause.SERVER_ENDS)]


def test_a_server_that_ends_waits_no_longer_than_it_said(talk: Conversation) -> None:
    talk.on(ev.UserStarted(), ev.ServerEnds(1_000))
    assert talk.ticks(1_100) == [ev.Close(ev.Cause.SERVER_ENDS)]


def test_a_server_that_ends_waits_for_a_client_that_is_about_to_go_on(talk: Conversation) -> None:
    talk.on(ev.ServerEnds(30_000))
    assert talk.on(ev.Tick(owing=True)) == []
    assert talk.on(ev.Tick()) == [ev.Close(ev.Cause.SERVER_ENDS)]


def test_a_server_that_ends_at_once_breaks_a_reply_off(talk: Conversation) -> None:
    epoch = talk.reply()
    assert talk.on(ev.ServerEnds()) == [
        ev.Interrupt(epoch + 1, ev.Cause.SERVER_ENDS),
        ev.Close(ev.Cause.SERVER_ENDS),
    ]
