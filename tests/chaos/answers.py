"""What a caller was answered, and whether every word of it was heard once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from antiphon_adapter_tone.ears import words_in
from antiphon_adapter_tone.sound import words

RATE_HZ = 24_000
APOLOGY = "sorry"
LEAST_GAP_S = 0.05
"""Less is a client whose event loop was late."""
_WORDS_A_SECOND = 4
"""A server keeps what was heard once a second."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A listener heard nothing in the middle of an answer, though nobody held it."""

    began_s: float
    length_s: float


@dataclass(slots=True)
class Answer:
    """One response as it came over the wire; times are of the wall clock. `kept`: what the server says was heard of
    one that was cut short. `words`: how many were heard in it. `line_broke`: nobody told the server that it ended."""

    id: str
    began_s: float
    ended_s: float = 0.0
    status: str = ""
    transcript: str = ""
    kept: str | None = None
    resumes: int = 0
    words: int = 0
    item_id: str = ""
    line_broke: bool = False
    gaps: list[Gap] = field(default_factory=list)
    pcm: bytearray = field(default_factory=bytearray)
    _played_until_s: float | None = None

    @property
    def heard_s(self) -> float:
        """How much audio came."""
        return len(self.pcm) / (RATE_HZ * 2)

    def hear(self, pcm: bytes, now_s: float) -> None:
        """Audio came, and is played at once or behind what still plays."""
        until_s = self._played_until_s
        if until_s is not None and now_s - until_s > LEAST_GAP_S:
            self.gaps.append(Gap(until_s, now_s - until_s))
        self._played_until_s = max(now_s, until_s or 0.0) + len(pcm) / (RATE_HZ * 2)
        self.pcm += pcm

    def wait(self) -> None:
        """It is held, or goes on after that: what comes next is late for a good reason."""
        self._played_until_s = None


def spoken(text: str) -> list[str]:
    """The words of a text as the engine says them."""
    return [word.text for word in words([text])]


def heard_in(answer: Answer, vocabulary: Sequence[str]) -> list[str]:
    """The words in an answer's audio, told by ear."""
    return words_in(bytes(answer.pcm), RATE_HZ, dict.fromkeys([*spoken(answer.transcript), *vocabulary, APOLOGY]))


def faults_of(answer: Answer, heard: Sequence[str], *, nobody_there: bool = False) -> list[str]:
    """What is wrong with an answer. `nobody_there`: no worker was there for a part of it."""
    expected, heard = spoken(answer.transcript), list(heard)
    if nobody_there:
        for _ in range(min(heard.count(APOLOGY), 1 + answer.resumes)):
            heard.remove(APOLOGY)
    elif answer.status not in ("completed", "cancelled"):
        return [f"it ended as {answer.status!r}"]
    whole = answer.status == "completed" and not nobody_there
    once = _without_repeats(expected, heard, answer.resumes)
    faults = []
    if once != (expected if whole else expected[: len(once)]):
        faults.append(_difference(expected, once, whole=whole))
    most = _WORDS_A_SECOND + 1 if answer.line_broke else 1
    if answer.kept is not None and not -1 <= len(once) - len(spoken(answer.kept)) <= most:
        faults.append(f"{len(once)} words were heard, but the history keeps {len(spoken(answer.kept))}")
    return faults


def _without_repeats(expected: Sequence[str], heard: Sequence[str], allowed: int) -> list[str]:
    """After a hold the word in which it began is said again from its start: so often may one come twice."""
    once: list[str] = []
    for word in heard:
        if allowed and once and once[-1] == word and expected[len(once) : len(once) + 1] != [word]:
            allowed -= 1
        else:
            once.append(word)
    return once


def _difference(expected: Sequence[str], heard: Sequence[str], *, whole: bool) -> str:
    same = next(
        (place for place, (one, other) in enumerate(zip(expected, heard, strict=False)) if one != other),
        min(len(expected), len(heard)),
    )
    lost = [word for word in expected[: len(expected) if whole else len(heard)] if word not in heard]
    doubled = sorted({word for word in heard if heard.count(word) > expected.count(word)})
    return f"after {same} words heard {list(heard[same:])} for {list(expected[same:])}; lost {lost}, doubled {doubled}"
