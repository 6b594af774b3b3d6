"""Gaps in what callers heard: what each came from, by the servers' logs, and how long they are. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from answers import Gap

REACH_S = 0.5
"""From a failure that is known to another worker's first sound."""
NOTICED_S = {"silent": 3.0, "hung": 1.0}
"""Until it is known: a worker that gives nothing at all, and an engine, by the `--stall-s` of these workers."""
_BEFORE_S = 2.0
"""So much of the speech may have been in stock when the failure came."""


class Cause(Enum):
    """The worst of what a gap came from."""

    KILLED = "killed"
    HUNG = "hung"
    SILENT = "silent"
    WAITED = "waited for"
    NOTHING = "nothing failed"


FAILURES = (Cause.SILENT, Cause.HUNG, Cause.KILLED)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A worker failed an utterance of a session, at a time of the wall clock."""

    at_s: float
    session_id: str
    cause: Cause
    line: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A gap and what it came from."""

    gap: Gap
    failures: tuple[Failure, ...]
    in_a_pause: bool = False
    """A worker was stopped or cut off then."""

    @property
    def cause(self) -> Cause:
        causes = {failure.cause for failure in self.failures}
        else_ = Cause.WAITED if self.in_a_pause else Cause.NOTHING
        return next((cause for cause in FAILURES if cause in causes), else_)

    @property
    def is_single(self) -> bool:
        """Whether at most one worker had to do with it: the next one may just have been stopped or cut off."""
        return len(self.failures) < 2 and not (self.in_a_pause and self.cause in (Cause.KILLED, Cause.HUNG))


def failures_in(lines: Iterable[str]) -> list[Failure]:
    """What servers' logs say of workers that failed."""
    found = []
    for line in lines:
        if "worker failed an utterance" not in line:
            continue
        record = json.loads(line)
        at_s = datetime.fromisoformat(record["timestamp"]).timestamp()
        if record["condition"] == "engine_stalled":
            cause = Cause.HUNG
        else:
            cause = Cause.SILENT if "gave nothing" in record["reason"] else Cause.KILLED
        found.append(Failure(at_s, record.get("session", ""), cause, line.strip()))
    return found


def explained(gap: Gap, failures: Sequence[Failure], pauses: Sequence[tuple[float, float]] = ()) -> Explained:
    """`failures` are those of its session; in `pauses` a worker was stopped or cut off."""
    until_s = gap.began_s + gap.length_s
    near = tuple(one for one in failures if gap.began_s - _BEFORE_S <= one.at_s <= until_s)
    return Explained(gap, near, any(began < until_s and gap.began_s < ended for began, ended in pauses))


def limit_s(cause: Cause) -> float:
    """What 95 of 100 gaps after a failure may last."""
    return NOTICED_S.get(cause.value, 0.0) + REACH_S


def after(failures: Iterable[Failure], gaps: Sequence[Explained]) -> Mapping[Cause, list[float]]:
    """For each failure how long nothing was heard of it, in ascending order: 0 where there was enough in stock.

    `gaps` are those of all sessions. Where several failures made one gap, it is none of theirs alone.
    """
    lengths: dict[Cause, list[float]] = {cause: [] for cause in FAILURES}
    by_failure = {failure: gap for gap in gaps for failure in gap.failures}
    for failure in failures:
        gap = by_failure.get(failure)
        if gap is None or gap.is_single:
            lengths[failure.cause].append(0.0 if gap is None else gap.gap.length_s)
    return {cause: sorted(values) for cause, values in lengths.items()}


def without(gaps: Iterable[Explained]) -> Mapping[Cause, list[float]]:
    """Lengths of the gaps in which nothing failed, in ascending order."""
    causes = (Cause.WAITED, Cause.NOTHING)
    return {cause: sorted(one.gap.length_s for one in gaps if one.cause is cause) for cause in causes}


def share(ranked: Sequence[float], percent: int) -> float:
    """The value that so many per cent do not exceed."""
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] if ranked else 0.0
