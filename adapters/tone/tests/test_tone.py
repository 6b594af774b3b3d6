"""What is particular to tone; the conformance test holds what every adapter owes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from antiphon_adapter_tone import plugin
from antiphon_adapter_tone.ears import words_in
from antiphon_adapter_tone.recipes import TONE
from antiphon_adapter_tone.sound import words
from antiphon_core.audio import TextMark
from antiphon_core.errors import BadText, UnknownModel, UnknownVoice
from antiphon_core.models import AdapterSettings, SpeechRequest
from antiphon_core.testkit import NoFiles
from hypothesis import given
from hypothesis import strategies as st
from speaking import audio_of, chunks_of, joined

RATE_HZ = TONE.native_rate_hz

TEXT = "Wait, please. Don't go; it's 3 o’clock!\nReally?"


def test_a_word_lasts_as_long_as_it_has_letters() -> None:
    short, long = (len(audio_of(word)) for word in ("cat", "caterpillar"))
    assert (short, long) == (250 * RATE_HZ // 1000, 650 * RATE_HZ // 1000)


def test_an_endless_word_ends() -> None:
    assert len(audio_of("a" * 100_000)) < 2 * RATE_HZ


@pytest.mark.parametrize(
    ("between", "pause_ms"), [(" ", 50), (", ", 150), (": ", 150), (". ", 300), ("?! ", 300), ("\n", 300)]
)
def test_punctuation_makes_pauses(between: str, pause_ms: int) -> None:
    beeps = len(audio_of("one")) + len(audio_of("two"))
    assert len(audio_of(f"one{between}two")) - beeps == pause_ms * RATE_HZ // 1000


def test_marks_name_the_words_and_where_they_begin() -> None:
    chunks = chunks_of("Hi, you")
    marks = [mark for chunk in chunks for mark in chunk.marks]
    start = len(chunks[0].samples) + 150 * RATE_HZ // 1000
    assert marks == [TextMark(0, 2, 0), TextMark(4, 3, start)]
    assert joined(chunks)[start - 1] == 0


def test_text_is_cut_into_words_with_their_apostrophes() -> None:
    assert [word.text for word in words([TEXT])] == ["Wait", "please", "Don't", "go", "it's", "3", "o’clock", "Really"]


@given(st.text(max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_however_text_arrives_its_words_are_the_same(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    assert list(words(pieces)) == list(words([text]))


def test_a_word_is_spoken_as_soon_as_white_space_ends_it(settings: AdapterSettings) -> None:
    taken = []

    def arriving() -> object:
        for piece in ("one ", "two ", "three"):
            taken.append(piece)
            yield piece

    model = plugin.tts_load_model("tone", "cpu", settings)
    chunks = model.synthesize_stream(SpeechRequest("", "alto", "en"), arriving())  # type: ignore[arg-type]
    next(chunks)
    assert taken == ["one "]


@pytest.mark.parametrize("text", ["", "!?…", "😀"])
def test_a_text_without_words_is_bad(text: str) -> None:
    with pytest.raises(BadText, match="no word"):
        chunks_of(text)


def test_an_unknown_model_is_an_error_that_names_the_known_ones(settings: AdapterSettings) -> None:
    with pytest.raises(UnknownModel) as caught:
        plugin.tts_load_model("none", "cpu", settings)
    assert caught.value.allowed == ("tone", "tone-slow", "tone-big", "tone-solo")


def test_an_unknown_voice_is_an_error() -> None:
    with pytest.raises(UnknownVoice):
        chunks_of("hello", voice="none")


def test_models_differ_where_a_host_would_notice(settings: AdapterSettings) -> None:
    infos = {info.id: info for info in plugin.tts_list_models(settings)}
    assert infos["tone-solo"].max_concurrency == 1
    assert infos["tone-big"].size_bytes > 1000 * infos["tone"].size_bytes


class TestModelsOnDisk:
    """Files in the operator's folders."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "mine.tone.json"
        path.write_text(json.dumps({"pitch_hz": 130, "native_rate_hz": 16_000, "max_concurrency": 2}))
        return path

    @pytest.fixture
    def settings(self, file: Path) -> AdapterSettings:
        return AdapterSettings(files=NoFiles(), model_dirs=(file.parent,))

    def test_a_file_is_a_model_and_changes_what_it_names(self, settings: AdapterSettings) -> None:
        info = plugin.tts_list_models(settings)[-1]
        assert (info.id, info.native_rate_hz, info.max_concurrency) == ("mine", 16_000, 2)
        assert info.voices == TONE.voices

    def test_the_revision_changes_with_the_file(self, settings: AdapterSettings, file: Path) -> None:
        before = plugin.tts_list_models(settings)[-1]
        assert plugin.tts_list_models(settings)[-1].revision == before.revision
        file.write_text("{}")
        assert plugin.tts_list_models(settings)[-1].revision != before.revision

    def test_it_speaks_at_its_own_rate_and_pitch(self, settings: AdapterSettings) -> None:
        chunks = chunks_of("hello there", model="mine", settings=settings)
        assert {chunk.rate_hz for chunk in chunks} == {16_000}
        assert words_in(joined(chunks), 16_000, ["hello", "there"]) == ["hello", "there"]

    def test_its_pitch_replaces_that_of_every_voice(self, settings: AdapterSettings) -> None:
        alto, bass = (audio_of("hello", model="mine", voice=voice, settings=settings) for voice in ("alto", "bass"))
        np.testing.assert_array_equal(alto, bass)

    def test_its_options_hold_unless_the_host_has_others(self, file: Path) -> None:
        file.write_text(json.dumps({"options": {"leading_silence_ms": "100"}}))
        own = AdapterSettings(files=NoFiles(), model_dirs=(file.parent,))
        hosts = AdapterSettings(own.files, {"leading_silence_ms": "200"}, own.model_dirs)
        plain = len(audio_of("hello"))
        longer = [len(audio_of("hello", model="mine", settings=settings)) - plain for settings in (own, hosts)]
        assert longer == [100 * RATE_HZ // 1000, 200 * RATE_HZ // 1000]
