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

from antiphon_orchestrator.turn.backchannel import Heard
from antiphon_orchestrator.turn.events import (
    Actions,
    CancelRequested,
    Cause,
    ClearRequested,
    Close,
    CommitRequested,
    CommitTurn,
    Continue,
    DiscardTurn,
    DropSpeculation,
    FloorEvent,
    Hold,
    HungUp,
    Interrupt,
    Nudge,
    Recognise,
    Refuse,
    ReplyFinished,
    ReplyStarted,
    Respond,
    ResponseRequested,
    Resume,
    StartSpeculation,
    Tick,
    TurnEmpty,
    UserFinished,
    UserHeard,
    UserPaused,
    UserResumed,
    UserStarted,
)
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
            UserStarted: self._on_started,
            UserPaused: self._on_paused,
            UserResumed: self._on_resumed,
            UserFinished: self._on_finished,
            UserHeard: self._on_heard,
            TurnEmpty: self._on_turn_empty,
            ReplyStarted: self._on_reply_started,
            ReplyFinished: self._on_reply_finished,
            ResponseRequested: self._on_response_requested,
            CancelRequested: self._on_cancel,
            CommitRequested: self._on_commit,
            ClearRequested: self._on_clear,
            Tick: self._on_tick,
            HungUp: self._on_hung_up,
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

    def on(self, event: FloorEvent, now_ms: int) -> Actions:
        """Takes what happened; returns what to do."""
        if self._closed:
            return ()
        if not isinstance(event, Tick):
            self._nudge_at_ms = None
        return self._handlers[type(event)](event, now_ms)

    # ------------------------------------------------------------------- the user

    def _on_started(self, event: UserStarted, now_ms: int) -> Actions:
        self._limits.active(now_ms)
        if self._speech is not None:
            return self._on_resumed(event, now_ms)
        self._speech = UserSpeech(now_ms, overlapping=self._reply is not None, answers=event.answers)
        if self._reply is not None and event.level_db <= self._settings.hold.faint_db:
            self._speech.dismissed = True
            return ()
        return self._hold()

    def _on_paused(self, event: UserPaused, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None or speech.paused:
            return ()
        speech.pause(now_ms, event.speech_ms)
        if self._reply is None:
            return () if speech.dismissed else self._speculate()
        return self._judge(now_ms) or ((Recognise(),) if self._reply.held else ())

    def _on_resumed(self, _: UserResumed | UserStarted, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return self._on_started(UserStarted(), now_ms)
        speech.go_on(now_ms)
        if speech.dismissed:
            speech.judge_afresh(now_ms)
        return *self._drop_speculation(), *self._hold()

    def _on_heard(self, event: UserHeard, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return ()
        speech.heard = event
        if self._reply is None and event.kind in (Heard.WORDS, Heard.COMMAND):
            speech.dismissed = False
        return self._judge(now_ms)

    def _on_finished(self, _: UserFinished, now_ms: int) -> Actions:
        speech = self._speech
        if speech is None:
            return ()
        self._limits.active(now_ms)
        if not speech.paused:
            speech.pause(now_ms, speech.spoken_ms(now_ms))
        speech.over = True
        return self._judge(now_ms) if self._reply is not None and self._reply.held else self._settle(now_ms)

    # ------------------------------------------------------------------ the reply

    def _on_reply_started(self, event: ReplyStarted, _: int) -> Actions:
        if self._reply is not None and self._reply.epoch == event.epoch:
            self._reply.audible = True
        return ()

    def _on_reply_finished(self, event: ReplyFinished, now_ms: int) -> Actions:
        if self._reply is None or self._reply.epoch != event.epoch:
            return ()
        if self._limits.turns_spent:
            return self._close(Cause.TURNS)
        reply, self._reply = self._reply, None
        if not reply.nudged:
            self._limits.active(now_ms)
        if self._settings.nudge_ms:
            self._nudge_at_ms = now_ms + self._settings.nudge_ms
        if self._speech is not None:
            self._speech.answers |= event.asks and reply.held
        released: Actions = (Resume(),) if reply.held else ()
        return *released, *self._after_reply(now_ms)

    def _on_turn_empty(self, _: TurnEmpty, now_ms: int) -> Actions:
        reply = self._reply
        if reply is None or reply.audible:
            return ()
        dropped = self._interrupt(Cause.EMPTY)
        return *dropped, *(self._continue(now_ms) if reply.cut_short else ())

    # ----------------------------------------------------------------- the client

    def _on_response_requested(self, _: ResponseRequested, now_ms: int) -> Actions:
        self._limits.active(now_ms)
        if self._reply is not None:
            return (Refuse(),)
        return *self._drop_speculation(), *self._respond(now_ms)

    def _on_cancel(self, _: CancelRequested, now_ms: int) -> Actions:
        self._limits.active(now_ms)
        if self._reply is None:
            return ()
        return *self._interrupt(Cause.CLIENT), *self._after_reply(now_ms)

    def _on_commit(self, _: CommitRequested, now_ms: int) -> Actions:
        self._limits.active(now_ms)
        held = self._reply is not None and self._reply.held
        dropped = self._interrupt(Cause.USER) if held else self._drop_speculation()
        self._speech = None
        return *dropped, CommitTurn(), *self._limits.turn()

    def _on_clear(self, _: ClearRequested, now_ms: int) -> Actions:
        self._limits.active(now_ms)
        self._speech = None
        return *self._release(), *self._drop_speculation(), DiscardTurn()

    def _on_hung_up(self, _: HungUp, __: int) -> Actions:
        return self._close(Cause.HUNG_UP)

    def _on_tick(self, _: Tick, now_ms: int) -> Actions:
        due = self._limits.tick(now_ms, idle=self.state is State.IDLE)
        if due and isinstance(due[-1], Close):
            return self._close(due[-1].cause)
        return *due, *self._judge(now_ms), *self._overdue(now_ms)

    # -------------------------------------------------------------------- helpers

    def _hold(self) -> Actions:
        if self._reply is None or self._reply.held or not self._settings.interrupt_response:
            return ()
        self._reply.held = True
        return (Hold(),)

    def _release(self) -> Actions:
        if self._reply is None or not self._reply.held:
            return ()
        self._reply.held = False
        return (Resume(),)

    def _judge(self, now_ms: int) -> Actions:
        """Decides about speech during a reply; about dismissed speech, only whether it has become more."""
        speech, reply = self._speech, self._reply
        if speech is None or reply is None or not (reply.held or (speech.dismissed and speech.heard)):
            return ()
        verdict = decide(speech, now_ms, self._settings.hold)
        if verdict is Verdict.INTERRUPT and self._settings.interrupt_response:
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
            gone = *self._drop_speculation(), DiscardTurn()
            owed = self._respond(now_ms) if self._owes_reply and self._reply is None else ()
            return *gone, *(self._continue(now_ms) if speech.interrupting else owed)
        if self._limits.turns_spent:
            return self._close(Cause.TURNS)
        committed: Actions = (CommitTurn(), *self._limits.turn())
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
        if self._speculation is not None:
            return ()
        self._speculation = self._next_epoch()
        return (StartSpeculation(self._speculation, reply=self._settings.create_response),)

    def _drop_speculation(self) -> Actions:
        dropped, self._speculation = self._speculation, None
        return () if dropped is None else (DropSpeculation(dropped),)

    def _respond(self, now_ms: int, *, cut_short: bool = False, nudged: bool = False) -> Actions:
        epoch, self._speculation = self._speculation, None
        speculated = epoch is not None
        self._reply = _Reply(epoch or self._next_epoch(), now_ms, cut_short, nudged)
        self._owes_reply = False
        return (Respond(self._reply.epoch, speculated),)

    def _continue(self, now_ms: int) -> Actions:
        self._reply = _Reply(self._next_epoch(), now_ms)
        return (Continue(self._reply.epoch),)

    def _interrupt(self, cause: Cause) -> Actions:
        self._reply = None
        return (Interrupt(self._next_epoch(), cause),)

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
        return Nudge(), *self._respond(now_ms, nudged=True)

    def _close(self, cause: Cause) -> Actions:
        dropped = self._drop_speculation()
        interrupted = self._interrupt(cause) if self._reply is not None else ()
        self._speech, self._closed = None, True
        return *dropped, *interrupted, Close(cause)
