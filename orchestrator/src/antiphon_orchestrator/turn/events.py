"""What the floor is told, and what it tells the session to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from antiphon_orchestrator.turn.backchannel import Heard

# ----------------------------------------------------------------- told to the floor


@dataclass(frozen=True, slots=True)
class UserStarted:
    """Speech began. `level_db`: its loudness over the user's usual one (0: unknown). `answers`: we are speaking the
    reply's last sentence, and it asks something (`backchannel.ends_in_question`)."""

    level_db: float = 0.0
    answers: bool = False


@dataclass(frozen=True, slots=True)
class UserPaused:
    """Speech fell silent, after `speech_ms` of it since it last began or went on."""

    speech_ms: int


@dataclass(frozen=True, slots=True)
class UserResumed:
    """Speech goes on after a pause, within the same turn."""


@dataclass(frozen=True, slots=True)
class UserFinished:
    """The user's turn ended, by the endpoint's judgement."""


@dataclass(frozen=True, slots=True)
class UserHeard:
    """What the recogniser made of the speech under way: its kind (`backchannel.classify`) and how many words.

    `final`: all speech until the present pause was recognised. `level_db`: as in UserStarted.
    """

    kind: Heard
    words: int = 1
    final: bool = False
    level_db: float = 0.0

    def not_final(self) -> UserHeard:
        """The same, now that there is more to recognise."""
        return replace(self, final=False)


@dataclass(frozen=True, slots=True)
class TurnEmpty:
    """The turn committed last turned out to hold no words, before its reply was audible."""


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The reply's first frame was sent."""

    epoch: int


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """All of the reply was heard, or there was nothing to hear. `asks`: it ended in a question."""

    epoch: int
    asks: bool = False


@dataclass(frozen=True, slots=True)
class ResponseRequested:
    """A client asks for a reply, or a user typed something."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """A client stops the reply."""


@dataclass(frozen=True, slots=True)
class CommitRequested:
    """A client (push to talk) says that the audio so far is a turn. It asks for a reply separately."""


@dataclass(frozen=True, slots=True)
class ClearRequested:
    """A client throws the audio since the last turn away."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes. Due every 100 ms or oftener. `owing`: the client is about to go on, with a function call's output or
    with the rest of a turn that it commits itself."""

    owing: bool = False


@dataclass(frozen=True, slots=True)
class ServerEnds:
    """The server is about to end: the session closes as soon as nobody has more to say, within so long at most."""

    within_ms: int = 0


@dataclass(frozen=True, slots=True)
class HungUp:
    """The connection is gone."""


FloorEvent = (
    UserStarted
    | UserPaused
    | UserResumed
    | UserFinished
    | UserHeard
    | TurnEmpty
    | ReplyStarted
    | ReplyFinished
    | ResponseRequested
    | CancelRequested
    | CommitRequested
    | ClearRequested
    | Tick
    | ServerEnds
    | HungUp
)

# --------------------------------------------------------------- told by the floor


class Cause(Enum):
    """Why a reply is dropped, or a session ends."""

    USER = "user"
    CLIENT = "client"
    EMPTY = "empty"
    STALLED = "stalled"
    IDLE = "idle"
    DURATION = "duration"
    TURNS = "turns"
    SERVER_ENDS = "server_ends"
    HUNG_UP = "hung_up"


@dataclass(frozen=True, slots=True)
class Hold:
    """Fall silent (or duck) at once and keep everything; recognise what the user says, piece by piece."""


@dataclass(frozen=True, slots=True)
class Recognise:
    """The speech fell silent while held: recognise all of it and answer with UserHeard(final=True)."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The hold is over: go on where it began, if anything is left."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Drop the reply: its audio and its work. What carries an epoch below this one is stale."""

    epoch: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class StartSpeculation:
    """Recognise the turn so far and, if `reply`, prepare the answer under this epoch; play none of it yet."""

    epoch: int
    reply: bool


@dataclass(frozen=True, slots=True)
class DropSpeculation:
    """The user goes on, or the turn is void: throw away what was prepared under this epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The user's turn is part of the conversation."""


@dataclass(frozen=True, slots=True)
class DiscardTurn:
    """What the user said was nothing to us: forget its audio."""


@dataclass(frozen=True, slots=True)
class Respond:
    """Reply under this epoch. `speculated`: what was prepared under it is the reply."""

    epoch: int
    speculated: bool = False


@dataclass(frozen=True, slots=True)
class Continue:
    """The interruption was none: speak, under this epoch, what was not heard of the reply it dropped."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """A reply is already under way: cancel it first."""


@dataclass(frozen=True, slots=True)
class Nudge:
    """The user has been silent for long after a reply; a Respond follows."""


@dataclass(frozen=True, slots=True)
class Announce:
    """The session will end for this cause: in `remaining_ms`, or after `remaining_turns` more turns."""

    cause: Cause
    remaining_ms: int = 0
    remaining_turns: int = 0


@dataclass(frozen=True, slots=True)
class Close:
    """The session is over."""

    cause: Cause


Action = (
    Hold
    | Recognise
    | Resume
    | Interrupt
    | StartSpeculation
    | DropSpeculation
    | CommitTurn
    | DiscardTurn
    | Respond
    | Continue
    | Refuse
    | Nudge
    | Announce
    | Close
)
Actions = tuple[Action, ...]
