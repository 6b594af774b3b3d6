"""Checks of texts that are not plain sentences."""

from __future__ import annotations

from antiphon_core.errors import BadText
from antiphon_core.testkit import texts
from antiphon_core.testkit.sound import silences_ms
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.utterance import Spoken
from antiphon_core.testkit.verdict import described, refuse

_DROP = "leave out what the engine cannot say; raise BadText where nothing is left"


class TextChecks(Standard):
    """Empty, emoji, foreign scripts, markup."""

    def test_empty_text_is_refused(self, antiphon_subject: Subject) -> None:
        for text in texts.EMPTY:
            try:
                antiphon_subject.speak(text)
            except BadText:
                continue
            except Exception as error:
                refuse(f"the text {text!r} raised {described(error)}", "raise BadText where there is nothing to say")
            refuse(f"the text {text!r} was taken", "raise BadText where there is nothing to say")

    def test_emoji_do_no_harm(self, antiphon_subject: Subject) -> None:
        for text in (texts.EMOJI, texts.EMOJI_ALONE):
            _spoken_or_refused(antiphon_subject, text)

    def test_mixed_scripts_do_no_harm(self, antiphon_subject: Subject) -> None:
        _spoken_or_refused(antiphon_subject, texts.MIXED_SCRIPTS)

    def test_markup_is_plain_text(self, antiphon_subject: Subject) -> None:
        for text in texts.MARKUP:
            spoken = _spoken_or_refused(antiphon_subject, text)
            longest_ms = max((length_ms for _, length_ms in silences_ms(spoken.samples, spoken.rate_hz)), default=0)
            if longest_ms > self.silence_ms:
                refuse(
                    f"the text {text!r} made {longest_ms} ms of silence; {self.silence_ms:g} ms is allowed",
                    "let no text command the engine: whoever writes it may be a stranger. Escape or drop the markup",
                )


def _spoken_or_refused(subject: Subject, text: str) -> Spoken:
    try:
        return subject.speak(text)
    except BadText:
        return Spoken(subject.info.native_rate_hz)
    except Exception as error:
        refuse(f"the text {text!r} raised {described(error)}", _DROP)
