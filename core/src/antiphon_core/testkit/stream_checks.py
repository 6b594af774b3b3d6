"""Checks of capabilities that bind text and time: streamed text, word timings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from antiphon_core.models import Capability
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject, finish
from antiphon_core.testkit.utterance import Spoken
from antiphon_core.testkit.verdict import refuse

_MARKED_SHARE = 0.8
"""Of a plain sentence's words, how many have a mark."""


class StreamChecks(Standard):
    """STREAMING_TEXT and WORD_TIMINGS, where they are declared."""

    def test_streamed_text_sounds_like_whole_text(self, antiphon_subject: Subject) -> None:
        _needs(antiphon_subject, Capability.STREAMING_TEXT)
        text = antiphon_subject.sentence
        whole = antiphon_subject.speak(text)
        cuts: dict[str, Sequence[str]] = {
            "in one piece": [text],
            "letter by letter": text,
            "five letters at a time": [text[at : at + 5] for at in range(0, len(text), 5)],
            "with empty pieces": ["", text[:10], "", text[10:], ""],
        }
        for how, pieces in cuts.items():
            spoken = finish(antiphon_subject.utter_stream(iter(pieces)))
            if not antiphon_subject.alike(whole, spoken):
                refuse(
                    f"text that came {how} lasts {spoken.duration_s:.2f} s and sounds unlike the whole, which lasts "
                    f"{whole.duration_s:.2f} s",
                    "join pieces as they are, white space included, and speak a word only when it is complete",
                )
            if spoken.marks != whole.marks:
                refuse(f"text that came {how} has other marks", "count offsets from the utterance's start")

    def test_streamed_text_is_spoken_while_it_arrives(self, antiphon_subject: Subject) -> None:
        _needs(antiphon_subject, Capability.STREAMING_TEXT)
        pieces = [f"{word} " for word in antiphon_subject.sentence.split() * 6]
        taken: list[str] = []

        def arriving() -> Iterator[str]:
            for piece in pieces:
                taken.append(piece)
                yield piece

        antiphon_subject.begin(antiphon_subject.utter_stream(arriving()), lambda spoken: True)
        if len(taken) == len(pieces):
            refuse(
                f"no audio came before all {len(pieces)} words had arrived",
                "speak sentence by sentence, or do not declare STREAMING_TEXT: the host then cuts text itself",
            )

    def test_word_timings_are_monotone_and_inside_the_audio(self, antiphon_subject: Subject) -> None:
        text = antiphon_subject.sentence
        spoken = antiphon_subject.speak(text)
        if Capability.WORD_TIMINGS not in antiphon_subject.info.capabilities:
            if spoken.marks:
                refuse("there are marks, and WORD_TIMINGS is not declared", "declare it, or leave the marks out")
            pytest.skip("WORD_TIMINGS is not declared")
        _check_text(spoken, text)
        _check_samples(spoken)


def _needs(subject: Subject, capability: Capability) -> None:
    if capability not in subject.info.capabilities:
        pytest.skip(f"{capability.name} is not declared")


def _check_text(spoken: Spoken, text: str) -> None:
    end = 0
    for mark in spoken.marks:
        word = text[mark.text_offset : mark.text_offset + mark.text_length]
        if mark.text_offset < end or len(word) != mark.text_length or not word.strip():
            refuse(f"{mark} marks {word!r} after {end} characters", "mark words in the text's order, each once")
        end = mark.text_offset + mark.text_length
    words = len(text.split())
    if len(spoken.marks) < _MARKED_SHARE * words:
        refuse(f"{len(spoken.marks)} marks for {words} words", "mark every word, or do not declare WORD_TIMINGS")


def _check_samples(spoken: Spoken) -> None:
    chunk_start, last = 0, 0
    for chunk in spoken.chunks:
        for mark in chunk.marks:
            if not max(last, chunk_start) <= mark.sample_offset < len(spoken.samples):
                refuse(
                    f"{mark} comes with the chunk that begins at sample {chunk_start}, after a mark at {last}, in "
                    f"{len(spoken.samples)} samples of audio",
                    "count samples from the utterance's start at the native rate; send a mark with its audio or before",
                )
            last = mark.sample_offset
        chunk_start += len(chunk.samples)
