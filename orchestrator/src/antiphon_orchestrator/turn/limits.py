"""When a session has lasted, rested or talked enough; each limit is announced before it strikes."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon_orchestrator.turn.events import Actions, Announce, Cause, Close


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """0 means no limit. `warn_ms`: how long before the end it is announced."""

    idle_ms: int = 0
    duration_ms: int = 0
    turns: int = 0
    warn_ms: int = 10_000


class Limits:
    """Counts one session's time and turns."""

    def __init__(self, settings: LimitSettings, now_ms: int) -> None:
        self._settings = settings
        self._begun_ms = self._active_ms = now_ms
        self._turns = 0
        self._announced: set[Cause] = set()
        self._ends_at_ms: int | None = None

    def active(self, now_ms: int) -> None:
        """Somebody does something: the session is not idle."""
        self._active_ms = now_ms
        self._announced.discard(Cause.IDLE)

    def turn(self) -> Actions:
        """Counts a turn and says how many are left where that matters."""
        self._turns += 1
        left = self._settings.turns - self._turns
        return (Announce(Cause.TURNS, remaining_turns=left),) if self._settings.turns and left in (0, 1) else ()

    @property
    def turns_spent(self) -> bool:
        """Whether the last allowed turn was taken."""
        return 0 < self._settings.turns <= self._turns

    def end(self, at_ms: int, now_ms: int) -> Actions:
        """The server ends: a session that is settled does, too, and any other at that time."""
        self._ends_at_ms = at_ms
        return (Announce(Cause.SERVER_ENDS, remaining_ms=at_ms - now_ms),) if at_ms > now_ms else ()

    def tick(self, now_ms: int, *, idle: bool, owing: bool = False) -> Actions:
        """What is due now; the idle limit strikes only an idle session. `owing`: its client is about to go on."""
        if self._ends_at_ms is not None and ((idle and not owing) or now_ms >= self._ends_at_ms):
            return (Close(Cause.SERVER_ENDS),)
        due = self._due(Cause.DURATION, self._settings.duration_ms, now_ms - self._begun_ms)
        if not due and idle:
            due = self._due(Cause.IDLE, self._settings.idle_ms, now_ms - self._active_ms)
        return due

    def _due(self, cause: Cause, limit_ms: int, passed_ms: int) -> Actions:
        left_ms = limit_ms - passed_ms
        if not limit_ms or left_ms > self._settings.warn_ms:
            return ()
        if cause not in self._announced:
            self._announced.add(cause)
            return (Announce(cause, remaining_ms=max(0, left_ms)),)
        return (Close(cause),) if left_ms <= 0 else ()
