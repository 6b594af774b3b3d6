"""Who may speak now: the turn-taking state machine. Times are integer milliseconds of any one clock.

`floor.on(event, now_ms)` takes what happened and returns what to do, in order and at once (`events` describes both).
The session carries the actions out; what they bring about comes back as events. An epoch numbers each attempt at a
reply: `Respond`, `Continue` and `StartSpeculation` each give a new one, `Interrupt` makes all below its own stale.

The state is derived from three facts, so that they cannot contradict each other: whether there is a reply (in
preparation, audible, held), whether the user's speech is under way (and matters), and whether the session is closed.

    idle         nobody speaks
    listening    the user speaks or pauses
    interrupted  likewise, and it made us drop a reply
    thinking     a reply is being prepared
    speaking     a reply is audible
    held         a reply is silenced (or ducked) until it is decided what the user's speech means (`hold` decides);
                 also before its first sound: a cough must not cost an answer, a user who goes on must not hear it
    closed

What may surprise:

- While a reply is under way, speech holds it; `Resume` dismisses the speech, and what follows of it is heard only to
  find out whether it becomes more: "yeah" dismissed, "but what about Berlin" holds again and interrupts.
- A backchannel is one only if it began during a reply. "Yeah" after it is a turn, and so is "yeah" that began during
  the question a reply ends with.
- If a reply ends while it is held, there is nothing to decide: words are a turn, a backchannel or noise is dropped.
- An interruption in which nothing was recognised afterwards was none: `Continue` speaks the rest of the reply.
- Without `interrupt_response` nothing is held; a turn taken meanwhile is answered when the reply has ended.
- Without `create_response` turns are committed and nothing else; a client asks for its replies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from antiphon_orchestrator.turn import events as ev
from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.events import Actions, Cause
from antiphon_orchestrator.turn.hold import HoldSettings, UserSpeech, Verdict, decide
from antiphon_orchestrator.turn.limits import Limits, LimitSettings


class State(Enum):
    """What people are shown."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    HELD = "held"
    INTERRUPTED = "interrupted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """`thinking_ms`: a reply without a sound for so long is given up. `nudge_ms`: a user silent for so long after a
    reply is spoken to (0: never)."""

    interrupt_response: bool = True
    create_response: bool = True
    nudge_ms: int = 0
    thinking_ms: int = 60_000
    hold: HoldSettings = field(default_factory=HoldSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)


@dataclass(slots=True)
class _Reply:
    """The reply under way. `cut_short`: the turn it answers made us drop another one."""

    epoch: int
    since_ms: int
    cut_short: bool = False
    nudged: bool = False
    audible: bool = False
    held: bool = False


class Floor:
    """One conversation's floor."""

    def __init__(self, settings: FloorSettings, now_ms: int) -> None:
        self._settings = settings
        self._limits = Limits(settings.limits, now_ms)
        self._epoch = 0
        self._speech: UserSpeech | None = None
        self._reply: _Reply | None = None
        self._speculation: int | None = None
        self._owes_reply = False
        self._nudge_at_ms: int | None = None
        self._closed = False
        self._handlers: dict[type, Callable[[Any, int], Actions]] = {
            ev.UserStarted: self._on_started,
            ev.UserPaused: self._on_paused,
            ev.UserResumed: self._on_resumed,
            ev.UserFinished: self._on_finished,
            ev.UserHeard: self._on_heard,
            ev.TurnEmpty: self._on_turn_empty,
            ev.ReplyStarted: self._on_reply_started,
            ev.ReplyFinished: self._on_reply_finished,
            ev.ResponseRequested: self._on_response_requested,
            ev.CancelRequested: self._on_cancel,
            ev.CommitRequested: self._on_commit,
            ev.ClearRequested: self._on_clear,
            ev.Tick: self._on_tick,
            ev.ServerEnds: self._on_server_ends,
            ev.HungUp: self._on_hung_up,
        }

    @property
    def state(self) -> State:
        """What people are shown."""
        if self._closed:
            return State.CLOSED
        if self._reply is not None:
            audible = State.SPEAKING if self._reply.audible else State.THINKING
            return State.HELD if self._reply.held else audible
        if self._speech is None or self._speech.dismissed:
            return State.IDLE
        return State.INTERRUPTED if self._speech.interrupting else State.LISTENING

    @property
    def epoch(self) -> int:
        """The newest epoch given out."""
        return self._epoch

    def configure(self, settings: FloorSettings) -> None:
        """Changes how turns are taken; the limits stay those of the session's beginning."""
        self._settings = settings

    def on(self, event: ev.FloorEvent, now_ms: int) -> Actions:
        """Takes what happened; returns what to do."""
        if self._closed:
            return ()
        return self._handlers[type(event)](event, now_ms)

    # ------------------------------------------------------------------- the user

    def _on_started(self, event: ev.UserStarted, now_ms: int) -> Actions:
        self._active(now_ms)
        if self._speech is not None:
            return self._on_resumed(event, now_ms)
        self._speech = UserSpeech(now_ms, overlapping=self._reply is not None, answers=event.answers)
        if self._reply is not None and event.level_db <= self._settings.hold.faint_db:
            self._speech.dismissed = True
            return ()
        return self._hold()

    def _on_paused(self, event: ev.UserPaused, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None or speech.paused:
            return ()
        speech.pause(now_ms, event.speech_ms)
        if self._reply is None:
            return () if speech.dismissed else self._speculate()
        return self._judge(now_ms) or ((ev.Recognise(),) if self._reply.held else ())

    def _on_resumed(self, _: ev.UserResumed | ev.UserStarted, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return self._on_started(ev.UserStarted(), now_ms)
        speech.go_on(now_ms)
        if speech.dismissed:
            speech.judge_afresh(now_ms, overlapping=self._reply is not None)
        return *self._drop_speculation(), *self._hold()

    def _on_heard(self, event: ev.UserHeard, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return ()
        speech.heard = event
        if self._reply is None and speech.became_more(self._settings.hold):
            speech.dismissed = False
        return self._judge(now_ms)

    def _on_finished(self, _: ev.UserFinished, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return ()
        self._active(now_ms)
        if not speech.paused:
            speech.pause(now_ms, speech.spoken_ms(now_ms))
        speech.over = True
        return self._judge(now_ms) if self._reply is not None and self._reply.held else self._settle(now_ms)

    # ------------------------------------------------------------------ the reply

    def _on_reply_started(self, event: ev.ReplyStarted, _: int) -> Actions:
        if self._reply is not None and self._reply.epoch == event.epoch:
            self._reply.audible = True
        return ()

    def _on_reply_finished(self, event: ev.ReplyFinished, now_ms: int) -> Actions:
        if self._reply is None or self._reply.epoch != event.epoch:
            return ()
        reply, self._reply = self._reply, None
        if self._limits.turns_spent:
            return self._close(Cause.TURNS)
        if not reply.nudged:
            self._active(now_ms)
        if self._settings.nudge_ms:
            self._nudge_at_ms = now_ms + self._settings.nudge_ms
        if self._speech is not None:
            self._speech.answers |= event.asks and reply.held
        released: Actions = (ev.Resume(),) if reply.held else ()
        return *released, *self._after_reply(now_ms)

    def _on_turn_empty(self, _: ev.TurnEmpty, now_ms: int) -> Actions:
        reply = self._reply
        if reply is None or reply.audible:
            return ()
        dropped = self._interrupt(Cause.EMPTY)
        return *dropped, *(self._continue(now_ms) if reply.cut_short else ())

    # ----------------------------------------------------------------- the client

    def _on_response_requested(self, _: ev.ResponseRequested, now_ms: int) -> Actions:
        self._active(now_ms)
        if self._reply is not None:
            return (ev.Refuse(),)
        return *self._drop_speculation(), *self._respond(now_ms)

    def _on_cancel(self, _: ev.CancelRequested, now_ms: int) -> Actions:
        self._active(now_ms)
        if self._reply is None:
            return ()
        return *self._interrupt(Cause.CLIENT), *self._after_reply(now_ms)

    def _on_commit(self, _: ev.CommitRequested, now_ms: int) -> Actions:
        self._active(now_ms)
        held = self._reply is not None and self._reply.held
        dropped = self._interrupt(Cause.USER) if held else self._drop_speculation()
        self._speech = None
        return *dropped, ev.CommitTurn(), *self._limits.turn()

    def _on_clear(self, _: ev.ClearRequested, now_ms: int) -> Actions:
        self._active(now_ms)
        self._speech = None
        return *self._release(), *self._drop_speculation(), ev.DiscardTurn()

    def _on_hung_up(self, _: ev.HungUp, __: int) -> Actions:
        return self._close(Cause.HUNG_UP)

    def _on_server_ends(self, event: ev.ServerEnds, now_ms: int) -> Actions:
        announced = self._limits.end(now_ms + event.within_ms, now_ms)
        return announced or self._close(Cause.SERVER_ENDS)

    def _on_tick(self, event: ev.Tick, now_ms: int) -> Actions:
        due = self._limits.tick(now_ms, idle=self.state is State.IDLE, owing=event.owing)
        if due and isinstance(due[-1], ev.Close):
            return self._close(due[-1].cause)
        return *due, *self._judge(now_ms), *self._overdue(now_ms)

    # -------------------------------------------------------------------- helpers

    def _active(self, now_ms: int) -> None:
        self._limits.active(now_ms)
        self._nudge_at_ms = None

    def _hold(self) -> Actions:
        if self._reply is None or self._reply.held or not self._settings.interrupt_response:
            return ()
        self._reply.held = True
        return (ev.Hold(),)

    def _release(self) -> Actions:
        if self._reply is None or not self._reply.held:
            return ()
        self._reply.held = False
        return (ev.Resume(),)

    def _judge(self, now_ms: int) -> Actions:
        """Decides about speech during a reply; about dismissed speech, only whether it has become more."""
        speech, reply = self._speech, self._reply
        if speech is None or reply is None:
            return ()
        if not reply.held and not (speech.dismissed and speech.became_more(self._settings.hold)):
            return ()
        if not self._settings.interrupt_response:
            return self._release()
        verdict = decide(speech, now_ms, self._settings.hold)
        if verdict is Verdict.INTERRUPT:
            return self._give_way(speech, now_ms)
        if verdict is not Verdict.RESUME or not reply.held:
            return ()
        speech.dismissed = True
        return *self._release(), *(self._settle(now_ms) if speech.over else ())

    def _give_way(self, speech: UserSpeech, now_ms: int) -> Actions:
        speech.interrupting, speech.dismissed = True, False
        return *self._interrupt(Cause.USER), *self._after_reply(now_ms)

    def _after_reply(self, now_ms: int) -> Actions:
        """There is no reply any more: what of the user's speech, and what of a turn that was not answered yet?"""
        speech = self._speech
        if speech is not None and speech.over:
            return self._settle(now_ms)
        if speech is not None and not speech.dismissed:
            return self._speculate() if speech.paused else ()
        return self._respond(now_ms) if self._owes_reply else ()

    def _settle(self, now_ms: int) -> Actions:
        """The user's turn is over: it counts or it does not."""
        speech, self._speech = self._speech, None
        assert speech is not None
        if not self._counts(speech):
            gone = *self._drop_speculation(), ev.DiscardTurn()
            owed = self._respond(now_ms) if self._owes_reply and self._reply is None else ()
            return *gone, *(self._continue(now_ms) if speech.interrupting else owed)
        if self._limits.turns_spent:
            return self._close(Cause.TURNS)
        committed: Actions = (ev.CommitTurn(), *self._limits.turn())
        if not self._settings.create_response:
            return *committed, *self._drop_speculation()
        if self._reply is not None:
            self._owes_reply = True
            return committed
        return *committed, *self._respond(now_ms, cut_short=speech.interrupting)

    def _counts(self, speech: UserSpeech) -> bool:
        if speech.dismissed or speech.is_only(Heard.NOTHING):
            return False
        listening_only = speech.overlapping and not speech.answers and not speech.interrupting
        return not (listening_only and speech.is_only(Heard.BACKCHANNEL))

    def _speculate(self) -> Actions:
        self._speculation = self._next_epoch()
        return (ev.StartSpeculation(self._speculation, reply=self._settings.create_response),)

    def _drop_speculation(self) -> Actions:
        dropped, self._speculation = self._speculation, None
        return () if dropped is None else (ev.DropSpeculation(dropped),)

    def _respond(self, now_ms: int, *, cut_short: bool = False, nudged: bool = False) -> Actions:
        epoch, self._speculation = self._speculation, None
        speculated = epoch is not None
        self._reply = _Reply(epoch or self._next_epoch(), now_ms, cut_short, nudged)
        self._owes_reply = False
        return (ev.Respond(self._reply.epoch, speculated),)

    def _continue(self, now_ms: int) -> Actions:
        self._reply = _Reply(self._next_epoch(), now_ms)
        return (ev.Continue(self._reply.epoch),)

    def _interrupt(self, cause: Cause) -> Actions:
        self._reply = None
        return (ev.Interrupt(self._next_epoch(), cause),)

    def _next_epoch(self) -> int:
        self._epoch += 1
        return self._epoch

    def _overdue(self, now_ms: int) -> Actions:
        """A reply that never sounds is given up; a user who says nothing may be spoken to."""
        reply = self._reply
        if reply is not None and not (reply.audible or reply.held):
            overdue = now_ms - reply.since_ms >= self._settings.thinking_ms
            return (*self._interrupt(Cause.STALLED), *self._after_reply(now_ms)) if overdue else ()
        if self._nudge_at_ms is None or now_ms < self._nudge_at_ms or self.state is not State.IDLE:
            return ()
        self._nudge_at_ms = None
        return ev.Nudge(), *self._respond(now_ms, nudged=True)

    def _close(self, cause: Cause) -> Actions:
        dropped = self._drop_speculation()
        interrupted = self._interrupt(cause) if self._reply is not None else ()
        self._speech, self._closed = None, True
        return *dropped, *interrupted, ev.Close(cause)
