"""Checks of requests that make no sense."""

from __future__ import annotations

from antiphon_core.errors import AntiphonError, UnknownVoice
from antiphon_core.testkit.contract_checks import UNKNOWN
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.verdict import described, refuse

_DO = "call self.info.voice(request.voice): it raises UnknownVoice and names the voices"


class RefusalChecks(Standard):
    """Voices and options that are not there."""

    def test_an_unknown_voice_is_refused(self, antiphon_subject: Subject) -> None:
        try:
            antiphon_subject.speak(antiphon_subject.sentence, voice=UNKNOWN)
        except UnknownVoice:
            return
        except Exception as error:
            refuse(
                f"an unknown voice raised {described(error)}", "`self.info.voice(request.voice)` raises UnknownVoice"
            )
        refuse("an unknown voice was spoken by another one", _DO)

    def test_an_unknown_option_does_no_harm(self, antiphon_subject: Subject) -> None:
        try:
            antiphon_subject.speak(antiphon_subject.sentence, options={UNKNOWN: "1"})
        except AntiphonError:
            return
        except Exception as error:
            refuse(f"an unknown option raised {described(error)}", "ignore it, or raise BadRequest")
