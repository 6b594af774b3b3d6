"""What came of it, for people: figures, and each fault with what happened near it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from answers import Answer, faults_of, heard_in
from gaps import Cause, Explained, Failure, after, explained, failures_in, limit_s, share, without
from house import Struck
from levels import Level
from plan import Kind
from talker import Ask, Talker, echo
from texts import HUM, WORDS

_NEAR_S = 8.0
"""What happened so long before an answer is told with its faults."""
_TOLD_S = 5.0
"""An answer that failed ends, and is told to have failed, once its apology was heard."""
_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one run. `nobody`: from when to when no worker was there; `stood_still`: when this machine did, how long."""

    seed: int
    calm: Sequence[Talker]
    stormy: Sequence[Talker]
    struck: Sequence[Struck]
    nobody: tuple[float, float]
    leaks: Sequence[str]
    before: Mapping[str, Level]
    after: Mapping[str, Level]
    logs: Sequence[Path]
    stood_still: Sequence[tuple[float, float]]


def report(findings: Findings, folder: Path) -> int:
    """Prints it; the exit status."""
    failures = failures_in(line for log in findings.logs for line in log.read_text(encoding="utf-8").splitlines())
    by_session: dict[str, list[Failure]] = {}
    for failure in failures:
        by_session.setdefault(failure.session_id, []).append(failure)
    faults = [fault for talker in (*findings.calm, *findings.stormy) for fault in _faults(talker, findings, by_session)]
    pauses = [(one.began_s, one.until_s) for one in findings.struck if one.strike.kind in (Kind.STOP, Kind.CUT)]
    gaps = [
        explained(gap, _failures_of(talker, by_session), pauses)
        for talker in findings.stormy
        for answer in talker.answers.values()
        if not _overlaps(answer, findings.nobody)
        for gap in answer.gaps
    ]
    in_storm = [one for one in failures if not findings.nobody[0] <= one.at_s <= findings.nobody[1]]
    lengths = after(in_storm, gaps)
    faults += list(_slow(lengths, share(without(gaps)[Cause.NOTHING], _PERCENT)))
    faults += [f"leaked: {leak}" for leak in findings.leaks]
    _write(folder, findings, gaps)
    _tell(findings, lengths, gaps)
    for fault in faults:
        print(f"\nFAULT {fault}")
    for at_s, length_s in findings.stood_still:
        print(f"\nThis machine did nothing for {length_s:.1f} s at {_clock(at_s)}.")
    print(f"\nseed {findings.seed}: {len(faults)} faults" + (f"; see {folder}" if faults else ""))
    return int(bool(faults))


def _failures_of(talker: Talker, by_session: Mapping[str, Sequence[Failure]]) -> list[Failure]:
    return [failure for session in talker.sessions for failure in by_session.get(session, ())]


def _faults(talker: Talker, findings: Findings, by_session: Mapping[str, Sequence[Failure]]) -> Iterator[str]:
    whom = f"conversation {talker.number} ({', '.join(talker.sessions)})"
    for at_s, trouble in talker.troubles:
        # While no worker is there an answer fails, and its client is told so.
        if not (trouble.startswith("error") and findings.nobody[0] <= at_s <= findings.nobody[1] + _TOLD_S):
            yield f"{whom} at {_clock(at_s)}: {trouble}"
    for ask in talker.asks:
        number = sum(ask.is_answered_by(answer.transcript) for answer in talker.answers.values())
        if number != 1 and not (ask.cut_in and number == 0) and not (ask.broken and number):
            yield f"{whom}: {ask.expected!r} was answered {number} times"
    # A hum that came when the answer was just over is a turn.
    hums = sum(answer.transcript == echo(HUM) for answer in talker.answers.values()) <= talker.hums
    for answer in talker.answers.values():
        known = _asked(answer, talker.asks) or (hums and answer.transcript == echo(HUM))
        wrong = [] if known else [f"nobody asked for {answer.transcript!r}"]
        wrong += _wrong_in(answer, talker.asks, findings)
        for fault in wrong:
            yield f"{whom}, {answer.id} at {_clock(answer.began_s)}: {fault}\n" + "\n".join(
                _near(answer, findings, _failures_of(talker, by_session))
            )


def _wrong_in(answer: Answer, asks: Sequence[Ask], findings: Findings) -> list[str]:
    heard = heard_in(answer, WORDS)
    answer.words = len(heard)
    faults = faults_of(answer, heard, nobody_there=_overlaps(answer, findings.nobody))
    cut_in = any(ask.cut_in or ask.broken for ask in _asked(answer, asks)) or answer.transcript == echo(HUM)
    if answer.status == "cancelled" and not cut_in:
        faults.append("it was cut short, and nobody had cut in")
    return faults


def _asked(answer: Answer, asks: Sequence[Ask]) -> list[Ask]:
    """What it may answer."""
    return [ask for ask in asks if ask.is_about(answer.transcript)]


def _overlaps(answer: Answer, span: tuple[float, float]) -> bool:
    return answer.began_s < span[1] and (answer.ended_s or time.time()) > span[0]


def _near(answer: Answer, findings: Findings, failures: Sequence[Failure]) -> Iterator[str]:
    since_s, until_s = answer.began_s - _NEAR_S, (answer.ended_s or answer.began_s) + 1.0
    for struck in findings.struck:
        if struck.began_s <= until_s and (struck.until_s or until_s) >= since_s:
            yield f"    {struck}"
    for failure in failures:
        if since_s <= failure.at_s <= until_s:
            yield f"    {_clock(failure.at_s)}  {failure.line}"
    for gap in answer.gaps:
        yield f"    {_clock(gap.began_s)}  a gap of {gap.length_s * 1000:.0f} ms"


def _slow(lengths: Mapping[Cause, Sequence[float]], machine_s: float) -> Iterator[str]:
    """`machine_s`: how long gaps are on this machine where nothing failed at all."""
    for cause, ranked in lengths.items():
        if (length_s := share(ranked, _PERCENT)) > limit_s(cause) + machine_s:
            yield (
                f"gaps, {cause.value}: p{_PERCENT} {length_s:.2f} s; at most {limit_s(cause):.1f} s, "
                f"and {machine_s:.2f} s that this machine makes without a failure"
            )


def _write(folder: Path, findings: Findings, gaps: Sequence[Explained]) -> None:
    """What was done, and all gaps with what they came from, the longest first."""
    (folder / "struck.txt").write_text("".join(f"{one}\n" for one in findings.struck), encoding="utf-8")
    with (folder / "gaps.txt").open("w", encoding="utf-8") as file:
        for one in sorted(gaps, key=lambda one: -one.gap.length_s):
            print(f"{_clock(one.gap.began_s)}  {one.gap.length_s * 1000:.0f} ms  {one.cause.value}", file=file)
            for failure in one.failures:
                print(f"    {_clock(failure.at_s)}  {failure.line}", file=file)


def _tell(findings: Findings, lengths: Mapping[Cause, Sequence[float]], gaps: Sequence[Explained]) -> None:
    answers = [answer for talker in findings.stormy for answer in talker.answers.values()]
    _line("strikes", len(findings.struck), **Counter(struck.strike.kind.value for struck in findings.struck))
    ended = Counter(answer.status or "never" for answer in answers)
    _line("answers", len(answers), **ended, resumed=sum(answer.resumes for answer in answers))
    _line("words heard", sum(answer.words for answer in answers))
    asks = [ask for talker in findings.stormy for ask in talker.asks]
    _line("questions", len(asks), cut_in=sum(ask.cut_in for ask in asks), broken=sum(ask.broken for ask in asks))
    resumed = sum(len(talker.sessions) - 1 for talker in findings.stormy)
    _line("connections resumed", resumed, line_broken=sum(talker.drops for talker in findings.stormy))
    for cause, ranked in lengths.items():
        _line(f"gap after a failure, {cause.value}", len(ranked), **_percentiles(ranked))
    several = sorted(one.gap.length_s for one in gaps if not one.is_single)
    for name, ranked in [("several failed", several), *((cause.value, one) for cause, one in without(gaps).items())]:
        _line(f"gap, {name}", len(ranked), **_percentiles(ranked))
    for name, level in findings.after.items():
        print(json.dumps({name: {key: [round(findings.before[name][key]), round(level[key])] for key in level}}))


def _percentiles(ranked: Sequence[float]) -> dict[str, int]:
    return {f"p{percent}_ms": round(share(ranked, percent) * 1000) for percent in (50, 95, 100)}


def _line(name: str, number: int, **more: object) -> None:
    print(json.dumps({name: {"n": number, **more}}))


def _clock(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_s)) + f".{int(at_s * 10 % 10)}"
