"""Whatever happens in whatever order, the floor's actions make sense to whoever carries them out."""

from __future__ import annotations

from antiphon_orchestrator.turn import events as ev
from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.floor import Floor, FloorSettings, State
from antiphon_orchestrator.turn.hold import HoldSettings
from antiphon_orchestrator.turn.limits import LimitSettings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

LIMIT_MS = HoldSettings().limit_ms


class Listener:
    """Carries actions out and finds fault with those that cannot be."""

    def __init__(self) -> None:
        self.reply: int | None = None
        self.held = False
        self.speculation: int | None = None
        self.newest = 0
        self.closed = False

    def do(self, action: ev.Action) -> None:
        assert not self.closed, "an action after Close"
        if isinstance(action, ev.StartSpeculation | ev.DropSpeculation):
            self._do_to_speculation(action)
        elif isinstance(action, ev.Respond | ev.Continue | ev.Interrupt | ev.Refuse):
            self._do_to_reply(action)
        elif isinstance(action, ev.Hold | ev.Resume | ev.Recognise):
            self._do_to_hold(action)
        elif isinstance(action, ev.Close):
            assert self.reply is None
            assert self.speculation is None
            self.closed = True

    def _do_to_hold(self, action: ev.Hold | ev.Resume | ev.Recognise) -> None:
        if isinstance(action, ev.Hold):
            assert self.reply is not None
            assert not self.held
        else:
            assert self.held
        self.held = not isinstance(action, ev.Resume)

    def _do_to_speculation(self, action: ev.StartSpeculation | ev.DropSpeculation) -> None:
        if isinstance(action, ev.DropSpeculation):
            assert action.epoch == self.speculation
            self.speculation = None
            return
        assert self.reply is None
        assert self.speculation is None
        self._new(action.epoch)
        self.speculation = action.epoch

    def _do_to_reply(self, action: ev.Respond | ev.Continue | ev.Interrupt | ev.Refuse) -> None:
        assert (self.reply is None) is isinstance(action, ev.Respond | ev.Continue)
        if isinstance(action, ev.Refuse):
            return
        if isinstance(action, ev.Respond) and action.speculated:
            assert action.epoch == self.speculation
        else:
            assert self.speculation is None
            self._new(action.epoch)
        self.reply = None if isinstance(action, ev.Interrupt) else action.epoch
        self.speculation, self.held = None, False

    def _new(self, epoch: int) -> None:
        assert epoch == self.newest + 1
        self.newest = epoch


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 5_000
        self.floor = Floor(FloorSettings(nudge_ms=20_000, limits=LimitSettings(turns=30)), self.now_ms)
        self.listener = Listener()
        self.audible = False

    def tell(self, event: ev.FloorEvent) -> None:
        for action in self.floor.on(event, self.now_ms):
            self.listener.do(action)
            if isinstance(action, ev.Respond | ev.Continue):
                self.audible = False

    @rule(event=st.sampled_from([ev.UserStarted(), ev.UserStarted(answers=True), ev.UserStarted(level_db=-20.0)]))
    def user_starts(self, event: ev.UserStarted) -> None:
        self.tell(event)

    @rule(speech_ms=st.integers(0, 2_000))
    def user_pauses(self, speech_ms: int) -> None:
        self.tell(ev.UserPaused(speech_ms))

    @rule(event=st.sampled_from([ev.UserResumed(), ev.UserFinished(), ev.TurnEmpty()]))
    def user_goes_on_or_has_finished(self, event: ev.FloorEvent) -> None:
        self.tell(event)

    @rule(
        kind=st.sampled_from(Heard),
        words=st.integers(1, 4),
        final=st.booleans(),
        level_db=st.sampled_from([0.0, -20.0]),
    )
    def words_are_recognised(self, kind: Heard, words: int, final: bool, level_db: float) -> None:
        self.tell(ev.UserHeard(kind, words, final, level_db))

    @precondition(lambda self: self.listener.reply is not None)
    @rule()
    def the_reply_becomes_audible(self) -> None:
        assert self.listener.reply is not None
        if not self.listener.held:
            self.audible = True
            self.tell(ev.ReplyStarted(self.listener.reply))

    @precondition(lambda self: self.listener.reply is not None)
    @rule(asks=st.booleans())
    def the_reply_ends(self, asks: bool) -> None:
        assert self.listener.reply is not None
        finished = ev.ReplyFinished(self.listener.reply, asks)
        self.listener.reply = None
        self.tell(finished)
        assert not self.listener.held

    @rule(age=st.integers(1, 3))
    def a_stale_reply_reports(self, age: int) -> None:
        stale = self.floor.epoch - age
        if stale != self.listener.reply:
            assert self.floor.on(ev.ReplyStarted(stale), self.now_ms) == ()
            assert self.floor.on(ev.ReplyFinished(stale), self.now_ms) == ()

    @rule(
        event=st.sampled_from(
            [ev.ResponseRequested(), ev.CancelRequested(), ev.CommitRequested(), ev.ClearRequested(), ev.Tick()]
        )
    )
    def a_client_acts(self, event: ev.FloorEvent) -> None:
        self.tell(event)

    @rule(interrupt=st.booleans(), create=st.booleans())
    def a_client_changes_its_settings(self, interrupt: bool, create: bool) -> None:
        self.floor.configure(FloorSettings(interrupt_response=interrupt, create_response=create, nudge_ms=20_000))

    @rule(passed_ms=st.integers(1, 700))
    def time_passes(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.tell(ev.Tick())

    @rule(within_ms=st.integers(0, 2_000))
    def the_server_ends(self, within_ms: int) -> None:
        if within_ms < 100:  # else no run gets far
            self.tell(ev.ServerEnds(within_ms * 20))

    @rule()
    def nothing_stays_held(self) -> None:
        for _ in range(LIMIT_MS // 500 + 1):
            self.now_ms += 500
            self.tell(ev.Tick())
        assert not self.listener.held

    @invariant()
    def the_state_is_what_the_actions_made_it(self) -> None:
        state = self.floor.state
        assert (state is State.CLOSED) is self.listener.closed
        if self.listener.closed:
            return
        assert (state is State.HELD) is self.listener.held
        replying = state in (State.THINKING, State.SPEAKING, State.HELD)
        assert replying is (self.listener.reply is not None)
        if state in (State.THINKING, State.SPEAKING):
            assert (state is State.SPEAKING) is self.audible


TestFloorMachine = FloorMachine.TestCase
TestFloorMachine.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
