"""Decides about somebody who speaks while we speak: go on with the reply, or give the floor away.

`decide(speech, now_ms, settings)` is asked again with every event and every tick until it says something else than
WAIT. While it waits the reply is held (silent or ducked), so waiting costs the user nothing; deciding wrongly does:
going on talks over a person, giving up loses an answer. Therefore:

1. Speech much fainter than the user's usual level is somebody else's: go on.
2. A command ("stop", "wait", "no", "hello?") interrupts at once, even if it is rather faint; it must only be long
   enough to have been said at all.
3. Words interrupt at once if there are two, or if one is drawn out or, after the speech, not too short: one very
   short word is a cough that a recogniser made something of.
4. After the speech: a backchannel, a cough or a click mean go on, once nothing followed them for `follow_ms` ("oh,
   okay"). But where the sentence held is the reply's last and asks something, "yeah" is the answer to it and
   interrupts. If nothing was recognised in `patience_ms`, length decides.
5. While the speech lasts: a backchannel drawn out beyond `backchannel_ms` takes the floor; noise in which no words are
   recognised for `noise_ms` does not; with no recogniser's word at all, `takeover_ms` of speech is enough.
6. Whatever happens, nothing stays held longer than `limit_ms`: go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from antiphon_orchestrator.turn.backchannel import FAINT_DB, Heard
from antiphon_orchestrator.turn.events import UserHeard


class Verdict(Enum):
    """What becomes of a reply that is held."""

    WAIT = "wait"
    RESUME = "resume"
    INTERRUPT = "interrupt"


@dataclass(frozen=True, slots=True)
class HoldSettings:
    """Bounds of the decision, in milliseconds of speech or of waiting; levels against the user's usual one."""

    command_ms: int = 200
    word_ms: int = 250
    drawn_out_word_ms: int = 500
    patience_ms: int = 400
    follow_ms: int = 150
    takeover_ms: int = 900
    backchannel_ms: int = 1_500
    noise_ms: int = 1_500
    limit_ms: int = 4_000
    faint_db: float = FAINT_DB
    faint_command_db: float = FAINT_DB - 6.0

    def is_faint(self, heard: UserHeard) -> bool:
        """Whether somebody else seems to speak."""
        return heard.level_db <= (self.faint_command_db if heard.kind is Heard.COMMAND else self.faint_db)


@dataclass(slots=True)
class UserSpeech:
    """The user's speech under way, as far as it matters for the floor.

    `since_ms`: it began or, once dismissed, began to matter again. `overlapping`: it began during a reply; `answers`:
    during the question that ends one. `dismissed`: judged to be no contribution. `interrupting`: it cut a reply short.
    `over`: its turn has ended.
    """

    since_ms: int
    overlapping: bool = False
    answers: bool = False
    dismissed: bool = False
    interrupting: bool = False
    over: bool = False
    heard: UserHeard | None = None
    _paused_ms: int | None = None
    _spoken_ms: int = 0
    _spurt_ms: int = 0

    def __post_init__(self) -> None:
        self._spurt_ms = self.since_ms

    @property
    def paused(self) -> bool:
        """Whether it has fallen silent, for now or for good."""
        return self._paused_ms is not None

    def pause(self, now_ms: int, speech_ms: int) -> None:
        """It fell silent after `speech_ms` more of speech."""
        self._paused_ms = now_ms
        self._spoken_ms += speech_ms

    def go_on(self, now_ms: int) -> None:
        """It goes on: what was recognised is no longer all of it."""
        self._paused_ms, self._spurt_ms, self.over = None, now_ms, False
        if self.heard is not None:
            self.heard = self.heard.not_final()

    def judge_afresh(self, now_ms: int, *, overlapping: bool) -> None:
        """What was dismissed matters again, as if it began now."""
        self.dismissed, self.overlapping, self.heard = False, overlapping, None
        self.since_ms, self._spurt_ms, self._spoken_ms = now_ms, now_ms, 0

    def spoken_ms(self, now_ms: int) -> int:
        """How much speech there was so far."""
        return self._spoken_ms if self.paused else self._spoken_ms + now_ms - self._spurt_ms

    def silent_ms(self, now_ms: int) -> int:
        """How long ago it was noticed that it fell silent."""
        return 0 if self._paused_ms is None else now_ms - self._paused_ms

    def became_more(self, settings: HoldSettings) -> bool:
        """Whether something was said, after it was dismissed, that cannot be noise or a listener's word."""
        heard = self.heard
        if heard is None or settings.is_faint(heard):
            return False
        return heard.kind is Heard.COMMAND or (heard.kind is Heard.WORDS and heard.words > 1)

    def is_only(self, kind: Heard) -> bool:
        """Whether all of it was recognised, and as no more than `kind`."""
        return self.heard is not None and self.heard.final and self.heard.kind is kind


def decide(speech: UserSpeech, now_ms: int, settings: HoldSettings) -> Verdict:
    """What to do about `speech`, by what is known of it now."""
    verdict = _by_words(speech, now_ms, settings)
    if verdict is Verdict.WAIT:
        undecided = _after_speech if speech.paused else _during_speech
        verdict = undecided(speech, now_ms, settings)
    if verdict is Verdict.WAIT and now_ms - speech.since_ms >= settings.limit_ms:
        return Verdict.RESUME
    return verdict


def _by_words(speech: UserSpeech, now_ms: int, settings: HoldSettings) -> Verdict:
    heard = speech.heard
    if heard is None:
        return Verdict.WAIT
    if settings.is_faint(heard):
        return Verdict.RESUME
    if heard.kind not in (Heard.WORDS, Heard.COMMAND):
        return Verdict.WAIT
    if heard.kind is Heard.COMMAND:
        needed_ms = settings.command_ms
    else:
        needed_ms = settings.word_ms if _settled(speech, now_ms, settings) else settings.drawn_out_word_ms
    return Verdict.INTERRUPT if heard.words > 1 or speech.spoken_ms(now_ms) >= needed_ms else Verdict.WAIT


def _settled(speech: UserSpeech, now_ms: int, settings: HoldSettings) -> bool:
    """Whether no more will be known about speech that has fallen silent."""
    if not speech.paused:
        return False
    final = speech.heard is not None and speech.heard.final
    return final or speech.silent_ms(now_ms) >= settings.patience_ms


def _after_speech(speech: UserSpeech, now_ms: int, settings: HoldSettings) -> Verdict:
    if not _settled(speech, now_ms, settings):
        return Verdict.WAIT
    if speech.heard is None:
        return Verdict.INTERRUPT if speech.spoken_ms(now_ms) >= settings.takeover_ms else Verdict.RESUME
    if speech.answers and speech.heard.kind is Heard.BACKCHANNEL:
        return Verdict.INTERRUPT
    alone = speech.over or speech.silent_ms(now_ms) >= settings.follow_ms
    return Verdict.RESUME if alone else Verdict.WAIT


def _during_speech(speech: UserSpeech, now_ms: int, settings: HoldSettings) -> Verdict:
    spoken_ms = speech.spoken_ms(now_ms)
    if speech.heard is None:
        return Verdict.INTERRUPT if spoken_ms >= settings.takeover_ms else Verdict.WAIT
    if speech.heard.kind is Heard.BACKCHANNEL:
        return Verdict.INTERRUPT if spoken_ms >= settings.backchannel_ms else Verdict.WAIT
    return Verdict.RESUME if spoken_ms >= settings.noise_ms else Verdict.WAIT
