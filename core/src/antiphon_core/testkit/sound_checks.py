"""Checks of what the samples hold."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from antiphon_core.models import Capability
from antiphon_core.testkit.sound import clipped_share, difference, level_db, silences_ms
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject, finish
from antiphon_core.testkit.verdict import described, refuse

MOST_VOICES = 6
_SPEEDS = (0.8, 1.25)


class SoundChecks(Standard):
    """Format, level, silence, voices, seeds and speed."""

    def test_every_chunk_has_the_declared_rate(self, antiphon_subject: Subject) -> None:
        spoken, declared_hz = antiphon_subject.speak(antiphon_subject.sentence), antiphon_subject.info.native_rate_hz
        if not spoken.chunks:
            refuse("a sentence gave no chunk", "yield audio, or raise BadText where there is nothing to say")
        for number, chunk in enumerate(spoken.chunks):
            if chunk.rate_hz != declared_hz:
                refuse(f"chunk {number} is at {chunk.rate_hz} Hz, declared are {declared_hz} Hz", "correct one of them")
            if not len(chunk.samples):
                refuse(f"chunk {number} is empty", "leave chunks without samples out")

    def test_chunks_keep_their_samples(self, antiphon_subject: Subject) -> None:
        spoken = antiphon_subject.speak(" ".join([antiphon_subject.sentence] * 3))
        for number, (chunk, copy) in enumerate(zip(spoken.chunks, spoken.copies, strict=True)):
            if not np.array_equal(chunk.samples, copy):
                refuse(f"chunk {number} changed after it was yielded", "copy the samples out of the engine's buffer")

    def test_speech_is_audible(self, antiphon_subject: Subject) -> None:
        quietness_db = level_db(antiphon_subject.speak(antiphon_subject.sentence).samples)
        if quietness_db > self.quietness_db:
            refuse(
                f"speech lies {quietness_db:.0f} dB below full scale; {self.quietness_db:g} dB is allowed",
                "scale the engine's output to about -20 dB; floats belong in -1..1 before PcmChunk.from_float",
            )

    def test_speech_is_not_clipped(self, antiphon_subject: Subject) -> None:
        share = clipped_share(antiphon_subject.speak(antiphon_subject.sentence).samples)
        if share > self.clipped_share:
            refuse(
                f"{share:.1%} of the samples are at full scale; {self.clipped_share:.1%} is allowed",
                "scale the engine's output down before it becomes 16 bit",
            )

    def test_silence_is_short(self, antiphon_subject: Subject) -> None:
        spoken = antiphon_subject.speak(antiphon_subject.sentence)
        for start_ms, length_ms in silences_ms(spoken.samples, spoken.rate_hz):
            allowed_ms = self.silence_ms if start_ms else self.leading_silence_ms
            if length_ms > allowed_ms:
                refuse(
                    f"{length_ms} ms of silence at {start_ms} ms; {allowed_ms:g} ms is allowed there",
                    "cut the engine's padding off; it delays every answer",
                )

    def test_every_voice_speaks(self, antiphon_subject: Subject) -> None:
        takes = {}
        for voice in antiphon_subject.info.voices[:MOST_VOICES]:
            try:
                takes[voice.id] = antiphon_subject.speak(antiphon_subject.sentence, known_voice=voice.id).samples
            except Exception as error:
                refuse(f"voice {voice.id!r} raised {described(error)}", "list only voices that can speak")
        for (one, first), (other, second) in combinations(takes.items(), 2):
            if len(first) and not difference(first, second):
                refuse(f"voices {one!r} and {other!r} sound the same", "use request.voice; list each voice once")

    def test_the_same_seed_gives_the_same_audio(self, antiphon_subject: Subject) -> None:
        one, other = (antiphon_subject.speak(antiphon_subject.sentence).samples for _ in range(2))
        apart = difference(one, other)
        if apart > self.seed_difference:
            refuse(
                f"two takes with one seed differ by {apart:.2f}; {self.seed_difference:g} is allowed",
                "seed the engine from request.seed at the start of every utterance; for an engine that cannot be "
                "seeded set `seed_difference = 2` and say so in `loosened`",
            )

    def test_speed_changes_duration(self, antiphon_subject: Subject) -> None:
        if Capability.SPEED not in antiphon_subject.info.capabilities:
            pytest.skip("SPEED is not declared")
        text = antiphon_subject.sentence
        normal_s = finish(antiphon_subject.utter(text)).duration_s
        for speed in _SPEEDS:
            spoken_s = antiphon_subject.speak(text, speed=speed).duration_s
            if abs(spoken_s * speed / normal_s - 1) > self.speed_error:
                refuse(
                    f"{normal_s:.2f} s of speech last {spoken_s:.2f} s at speed {speed:g}; {normal_s / speed:.2f} s is "
                    f"right within {self.speed_error:.0%}",
                    "hand request.speed to the engine (some take its inverse), or do not declare SPEED",
                )
