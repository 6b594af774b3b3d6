from __future__ import annotations

import pytest
from antiphon_orchestrator.turn import events as ev
from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.floor import Floor, FloorSettings, State


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

    @property
    def state(self) -> State:
        return self.floor.state


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_a_turn_goes_from_idle_by_listening_and_thinking_to_speaking_and_back(talk: Conversation) -> None:
    assert talk.state is State.IDLE
    assert talk.on(ev.UserStarted()) == []
    assert talk.state is State.LISTENING
    assert talk.on(ev.UserPaused(600)) == [ev.StartSpeculation(1, reply=True)]
    assert talk.on(ev.UserFinished()) == [ev.CommitTurn(), ev.Respond(1, speculated=True)]
    assert talk.state is State.THINKING
    assert talk.on(ev.ReplyStarted(1)) == []
    assert talk.state is State.SPEAKING
    assert talk.on(ev.ReplyFinished(1)) == []
    assert talk.state is State.IDLE


def test_a_backchannel_holds_the_reply_and_lets_it_go_on(talk: Conversation) -> None:
    talk.reply()
    assert talk.on(ev.UserStarted()) == [ev.Hold()]
    assert talk.state is State.HELD
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL), after_ms=250) == []
    assert talk.on(ev.UserPaused(300), after_ms=150) == [ev.Recognise()]
    assert talk.on(ev.UserHeard(Heard.BACKCHANNEL, final=True), after_ms=60) == [ev.Resume()]
    assert talk.state is State.SPEAKING
    assert talk.on(ev.UserFinished(), after_ms=300) == [ev.DiscardTurn()]


def test_two_words_interrupt_while_they_are_spoken(talk: Conversation) -> None:
    epoch = talk.reply()
    talk.on(ev.UserStarted())
    assert talk.on(ev.UserHeard(Heard.WORDS, words=2), after_ms=300) == [ev.Interrupt(epoch + 1, ev.Cause.USER)]
    assert talk.state is State.INTERRUPTED
