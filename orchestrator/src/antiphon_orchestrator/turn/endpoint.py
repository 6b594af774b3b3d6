"""When a speaker begins, pauses, goes on and has finished, told from voice activity one window at a time.

All positions and lengths are samples at EARS_RATE_HZ, counted from the session's first sample; settings made by
clients come in milliseconds and are converted once. An endpoint reads one stream of windows::

    for event in endpoint.on_window(probability, end_sample): ...     # every 32 ms
    for event in endpoint.on_opinion(finished, asked_at): ...         # the turn detector's answer to an AskDetector
    endpoint.on_words(last_words, until_sample)                       # in a pause: how do the words end?
    for event in endpoint.finish(reason): ...                         # the stream stalls, ends, or a client commits

and answers with the events below, always in the order
SpeechStarted, (SpeechPaused, AskDetector*, SpeechResumed)*, [SpeechPaused, AskDetector*], TurnFinished.

- Speech has started with one window that is hardly anything else, or with `onset_samples` above the threshold without
  a break; it is dated back to the first window of that run above a second, lower threshold, which also decides when
  speech falls silent. (The network follows speech by 10 to 100 ms at its start and about 70 ms at its end.)
- At `pause_samples` of silence it pauses, or at `early_pause_samples` while it is `hasty`: the moment to recognise, to
  prepare a reply on trial and to ask the turn detector, which judges by the voice then, and later by the silence, too.
  A pause that was none costs a reply on trial every few seconds.
- A single loud window after a pause is a click and changes nothing; speech goes on when it lasts `onset_samples`.
- With a turn detector, silence must last between `quick_samples` (it is sure that the turn is finished) and
  `patient_samples` (it is sure of the contrary), in proportion in between, and `silence_samples` as long as it has
  not answered. It is asked again as silence grows, for it may change its mind, but what it thought before counts, too:
  silence alone persuades it, whatever the voice said. Words that want to go on ("I would like to") weigh more than
  intonation; where they ask and the detector is sure, `asking_samples` are enough, for people pause between statements
  more often than behind a question. Without a detector, silence must last `silence_samples`.
- A client that stops sending audio gives no windows; its session calls `finish` once that has lasted a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.turn.last_words import LastWords

WINDOW_SAMPLES = 512
_PER_MS = EARS_RATE_HZ // 1000
_AT_ONCE_WEIGHS = 1.5
"""What the turn detector thinks when there was hardly any silence, against each thing that it thinks later."""
_SUREST = 0.995
"""Nobody is surer, or one opinion would silence all others."""


def _samples(ms: int) -> int:
    return ms * _PER_MS


Eagerness = Literal["low", "medium", "high", "auto"]
_PATIENCE_MS: dict[str, int] = {"high": 1_000, "medium": 1_600, "auto": 1_600, "low": 3_000}


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How sure and how patient to be. The two class methods take what clients send."""

    threshold: float = 0.5
    onset_samples: int = _samples(64)
    pause_samples: int = _samples(64)
    early_pause_samples: int = _samples(32)
    prefix_samples: int = _samples(300)
    silence_samples: int = _samples(640)
    quick_samples: int = _samples(320)
    asking_samples: int = _samples(224)
    patient_samples: int = _samples(1_600)
    sure_finished: float = 0.6
    sure_unfinished: float = 0.1
    dangling: float = 0.2
    """What the turn detector is taken to have said at most where the words want to go on."""
    ask_at_samples: tuple[int, ...] = (_samples(64), _samples(320), _samples(640), _samples(1_000))
    """Silences at which the turn detector is asked; empty where none is used."""
    max_turn_samples: int = _samples(60_000)

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise ValueError(f"threshold is {self.threshold}; it must lie above 0 and not above 1")
        ends = (self.silence_samples, self.quick_samples, self.asking_samples)
        if min(self.pause_samples, self.early_pause_samples, *ends) <= 0:
            raise ValueError("a pause, and any silence that ends a turn, must last longer than no time at all")

    @property
    def stop_threshold(self) -> float:
        """Below this, speech has fallen silent."""
        return max(self.threshold - 0.15, self.threshold * 0.5)

    @property
    def sure_threshold(self) -> float:
        """From this on, one window is enough to begin with."""
        return (self.threshold + 1.0) / 2

    @classmethod
    def server_vad(
        cls, threshold: float = 0.5, prefix_padding_ms: int = 300, silence_duration_ms: int = 500
    ) -> EndpointSettings:
        """A turn ends after a fixed silence, whatever was said."""
        return cls(
            threshold=threshold,
            prefix_samples=_samples(prefix_padding_ms),
            silence_samples=_samples(silence_duration_ms),
            ask_at_samples=(),
        )

    @classmethod
    def semantic_vad(cls, eagerness: Eagerness = "auto") -> EndpointSettings:
        """A turn ends when the turn detector believes so, with a patience of the client's choice behind it."""
        return cls(patient_samples=_samples(_PATIENCE_MS[eagerness]))

    def needed_silence(self, finished_probability: float | None, words: LastWords = LastWords.CLOSED) -> int:
        """How long silence must last before the turn is over, by what the turn detector thinks (None: unknown)."""
        if words is LastWords.OPEN and self.ask_at_samples:
            finished_probability = min(self.dangling, 1.0 if finished_probability is None else finished_probability)
        if finished_probability is None:
            return self.silence_samples
        doubt = (self.sure_finished - finished_probability) / (self.sure_finished - self.sure_unfinished)
        doubt = min(1.0, max(0.0, doubt))
        quick = self.asking_samples if words is LastWords.ASKING else self.quick_samples
        return round(quick + doubt * (self.patient_samples - quick))


class EndReason(Enum):
    """Why a turn is over."""

    DETECTOR = "detector"
    SILENCE = "silence"
    LENGTH = "length"
    STALLED = "stalled"
    COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks since `speech_sample`; recognise from `audio_sample`, which lies a little before."""

    speech_sample: int
    audio_sample: int


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """Silence since `silent_sample`; `speech_samples` lie between the last (re)start of speech and there."""

    silent_sample: int
    speech_samples: int


@dataclass(frozen=True, slots=True)
class AskDetector:
    """Ask the turn detector about the turn up to `at_sample` and give `on_opinion` its answer."""

    at_sample: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The speaker goes on, since `speech_sample`."""

    speech_sample: int


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over: its audio is `audio_sample` to `end_sample`, its last speech ended at `silent_sample`."""

    audio_sample: int
    silent_sample: int
    end_sample: int
    reason: EndReason


EndpointEvent = SpeechStarted | SpeechPaused | AskDetector | SpeechResumed | TurnFinished
_NOTHING: tuple[EndpointEvent, ...] = ()


@dataclass(slots=True)
class _Rise:
    """A run of windows above the lower threshold that may turn out to be speech."""

    start: int
    above: int = 0


@dataclass(slots=True)
class _Turn:
    """The turn under way. `silent` is where silence began, or None while there is speech."""

    audio: int
    onset: int
    spurt: int
    silent: int | None = None
    paused: bool = False
    asked: int = 0
    opinions: list[float] = field(default_factory=list)
    words: LastWords = LastWords.CLOSED

    @property
    def opinion(self) -> float | None:
        """What the turn detector thought in this pause, on the whole: the mean of its odds."""
        if not self.opinions:
            return None
        odds = [_log_odds(opinion) for opinion in self.opinions]
        mean = (sum(odds) + (_AT_ONCE_WEIGHS - 1) * odds[0]) / (len(odds) - 1 + _AT_ONCE_WEIGHS)
        return 1 / (1 + math.exp(-mean))

    def go_on(self, spurt: int) -> None:
        """Speech again: what was thought of the pause is void."""
        self.spurt, self.silent, self.paused, self.asked = spurt, None, False, 0
        self.opinions, self.words = [], LastWords.CLOSED


class Endpoint:
    """One speaker's turns. `configure` may be called at any time."""

    def __init__(self, settings: EndpointSettings | None = None) -> None:
        self.hasty = False
        """Whether nobody speaks but the user, so that nothing but time is lost by waiting."""
        self._settings = settings or EndpointSettings()
        self._end = 0
        self._free = 0
        self._loud = False
        self._rise: _Rise | None = None
        self._turn: _Turn | None = None

    @property
    def in_turn(self) -> bool:
        """Whether a turn is under way, pauses included."""
        return self._turn is not None

    def configure(self, settings: EndpointSettings) -> None:
        """Changes the settings; a turn under way goes on with the new ones."""
        self._settings = settings

    def reset(self) -> None:
        """Forgets a turn under way without an event."""
        self._turn = self._rise = None
        self._free = self._end

    def on_window(self, probability: float, end_sample: int) -> tuple[EndpointEvent, ...]:
        """Takes the probability of speech in the window that ends at `end_sample`."""
        if end_sample <= self._end:
            raise ValueError(f"a window ends at sample {end_sample}, but one until {self._end} was already seen")
        start = max(self._end, end_sample - WINDOW_SAMPLES)
        self._end = end_sample
        self._loud = probability >= self._settings.threshold
        if self._turn is None:
            risen = self._risen(probability, start)
            return self._begin(risen) if risen is not None else _NOTHING
        if end_sample - self._turn.onset >= self._settings.max_turn_samples:
            return self._over(self._turn, EndReason.LENGTH)
        return self._follow(self._turn, probability, start)

    def on_opinion(self, finished_probability: float, asked_at_sample: int) -> tuple[EndpointEvent, ...]:
        """Takes the turn detector's answer; one about an earlier pause is ignored."""
        turn = self._pausing_at(asked_at_sample)
        if turn is None:
            return _NOTHING
        turn.opinions.append(finished_probability)
        return self._end_if_due(turn)

    def on_words(self, words: LastWords, until_sample: int) -> None:
        """Takes how the words recognised until a sample end; about an earlier pause it is ignored."""
        turn = self._pausing_at(until_sample)
        if turn is not None:
            turn.words = words

    def finish(self, reason: EndReason) -> tuple[EndpointEvent, ...]:
        """Ends a turn under way now, if there is one."""
        return self._over(self._turn, reason) if self._turn else _NOTHING

    def _pausing_at(self, sample: int) -> _Turn | None:
        """The turn under way, if it pauses and did so at `sample`."""
        turn = self._turn
        pausing = turn is not None and turn.paused and turn.silent is not None and sample > turn.silent
        return turn if pausing else None

    def _risen(self, probability: float, start: int) -> int | None:
        """Where speech began, once enough of it was heard without a break."""
        if probability < self._settings.stop_threshold:
            self._rise = None
            return None
        self._rise = self._rise or _Rise(start)
        if self._loud:
            self._rise.above += self._end - start
        if self._turn is None and probability >= self._settings.sure_threshold:
            self._rise.above = self._settings.onset_samples
        if self._rise.above < self._settings.onset_samples:
            return None
        begun, self._rise = self._rise.start, None
        return begun

    def _begin(self, speech_sample: int) -> tuple[EndpointEvent, ...]:
        audio = max(self._free, speech_sample - self._settings.prefix_samples)
        self._turn = _Turn(audio, speech_sample, speech_sample)
        return (SpeechStarted(speech_sample, audio),)

    def _follow(self, turn: _Turn, probability: float, start: int) -> tuple[EndpointEvent, ...]:
        if turn.paused:
            return self._follow_pause(turn, probability, start)
        if self._loud:
            turn.silent = None
        elif probability < self._settings.stop_threshold and turn.silent is None:
            turn.silent = start
        pause = self._settings.early_pause_samples if self.hasty else self._settings.pause_samples
        if turn.silent is None or self._end - turn.silent < pause:
            return _NOTHING
        turn.paused = True
        return SpeechPaused(turn.silent, turn.silent - turn.spurt), *(self._end_if_due(turn) or self._ask(turn))

    def _follow_pause(self, turn: _Turn, probability: float, start: int) -> tuple[EndpointEvent, ...]:
        risen = self._risen(probability, start)
        if risen is not None:
            turn.go_on(risen)
            return (SpeechResumed(risen),)
        return self._end_if_due(turn) or self._ask(turn)

    def _ask(self, turn: _Turn) -> tuple[EndpointEvent, ...]:
        assert turn.silent is not None
        due = sum(self._end - turn.silent >= silence for silence in self._settings.ask_at_samples)
        if due <= turn.asked:
            return _NOTHING
        turn.asked = due
        return (AskDetector(self._end),)

    def _end_if_due(self, turn: _Turn) -> tuple[EndpointEvent, ...]:
        """Ends the turn, unless what was heard last may be the beginning of more speech."""
        assert turn.silent is not None
        if self._loud or self._end - turn.silent < self._settings.needed_silence(turn.opinion, turn.words):
            return _NOTHING
        return self._over(turn, EndReason.SILENCE if turn.opinion is None else EndReason.DETECTOR)

    def _over(self, turn: _Turn, reason: EndReason) -> tuple[EndpointEvent, ...]:
        silent = self._end if turn.silent is None else turn.silent
        finished = TurnFinished(turn.audio, silent, self._end, reason)
        paused = () if turn.paused else (SpeechPaused(silent, silent - turn.spurt),)
        self.reset()
        return *paused, finished


def _log_odds(probability: float) -> float:
    within = min(_SUREST, max(1 - _SUREST, probability))
    return math.log(within / (1 - within))
