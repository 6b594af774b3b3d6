"""Checks of how long a host waits."""

from __future__ import annotations

from antiphon_core.errors import BadText
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.texts import HUGE_CHARS
from antiphon_core.testkit.utterance import Spoken
from antiphon_core.testkit.verdict import described, refuse

_ENOUGH_CHUNKS = 5
_ENOUGH_S = 30


class TimeChecks(Standard):
    """First chunks and gaps."""

    def test_the_first_chunk_comes_in_time(self, antiphon_subject: Subject) -> None:
        wait_s = antiphon_subject.speak(antiphon_subject.sentence).waits_s[0]
        if wait_s > self.first_chunk_s:
            refuse(
                f"the first chunk came after {wait_s:.2f} s; {self.first_chunk_s:g} s is allowed",
                "yield as soon as the engine has something: stream, or speak the first clause alone; do what is slow "
                "only once in tts_load_model",
            )

    def test_gaps_between_chunks_are_short(self, antiphon_subject: Subject) -> None:
        spoken = antiphon_subject.speak(" ".join([antiphon_subject.sentence] * 3))
        wait_s = max(spoken.waits_s[1:], default=0.0)
        if wait_s > self.longest_gap_s:
            refuse(
                f"{wait_s:.2f} s passed between two chunks; {self.longest_gap_s:g} s is allowed",
                "yield smaller pieces: a host can cancel only between two chunks",
            )

    def test_huge_text_starts_in_time_or_is_refused(self, antiphon_subject: Subject) -> None:
        sentence = antiphon_subject.sentence
        unpunctuated = sentence.replace(",", "").replace(".", "").replace("，", "").replace("。", "")
        for text in (sentence, unpunctuated):
            try:
                spoken = antiphon_subject.begin(
                    antiphon_subject.utter(f"{text} " * (HUGE_CHARS // len(text))), _is_enough
                )
            except BadText:
                continue
            except Exception as error:
                refuse(f"{HUGE_CHARS} characters raised {described(error)}", "cut it, or raise BadText with a limit")
            wait_s = max(spoken.waits_s)
            if wait_s > self.huge_chunk_s:
                refuse(
                    f"a chunk of {HUGE_CHARS} characters took {wait_s:.2f} s; {self.huge_chunk_s:g} s is allowed",
                    "work sentence by sentence and cut endless sentences, or raise BadText with a limit",
                )


def _is_enough(spoken: Spoken) -> bool:
    return len(spoken.chunks) >= _ENOUGH_CHUNKS or spoken.duration_s >= _ENOUGH_S
