"""What is particular to hibari; the conformance test holds what every adapter owes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from antiphon_adapter_hibari import plugin
from antiphon_adapter_hibari.text import MAX_PIECE, cut, sayable
from antiphon_core.audio import Samples
from antiphon_core.errors import BadText, UnknownModel
from antiphon_core.models import AdapterSettings, Model, SpeechRequest
from antiphon_core.testkit import FolderFiles, NoFiles
from hibari.voices import VOICES, voice_path  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

Speak = Callable[..., Samples]


RATE_HZ = 24_000
SETTINGS = AdapterSettings(files=NoFiles())


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = plugin.tts_load_model("hibari", "cpu", SETTINGS)
    yield loaded
    loaded.close()


@pytest.fixture
def speak(model: Model) -> Speak:
    def spoken(text: str, speed: float = 1.0, seed: int = 0) -> Samples:
        request = SpeechRequest(text, "heart", "en", speed, seed)
        return np.concatenate([chunk.samples for chunk in model.synthesize(request)])

    return spoken


def test_listing_imports_no_engine() -> None:
    code = (
        "import sys; from antiphon_adapter_hibari import plugin; plugin.tts_list_models(None);"
        "sys.exit('hibari' in sys.modules or 'onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_first_model_listed_needs_no_download(model: Model) -> None:
    first, *others = plugin.tts_list_models(SETTINGS)
    assert model.info == first
    assert (first.files, all(other.files for other in others)) == ("", True)


def test_the_catalogue_has_the_files_that_the_engine_would_fetch() -> None:
    catalogue = yaml.safe_load(Path(plugin.__file__).with_name("catalogue.yaml").read_text())
    for entry in catalogue["entries"]:
        known, (file,) = VOICES[entry["id"].removeprefix("hibari-")], entry["files"]
        assert (file["sha256"], file["size_bytes"]) == (known["sha256"], known["bytes"])
        assert file["sources"][0].endswith(f"/{known['file']}")


def test_a_voice_of_the_catalogue_is_loaded_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "hibari-emma").mkdir()
    shutil.copy(voice_path("heart"), tmp_path / "hibari-emma" / "voice.onnx")
    model = plugin.tts_load_model("hibari-emma", "cpu", AdapterSettings(files=FolderFiles(tmp_path)))
    spoken = model.synthesize(SpeechRequest("A bath after lunch.", "emma", "en-GB", seed=0))
    assert next(spoken).rate_hz == model.info.native_rate_hz


def test_british_voices_read_british_english() -> None:
    assert plugin._dictionary(british=True)("bath") != plugin._dictionary(british=False)("bath")


def test_an_unknown_model_is_an_error_that_names_the_known_one() -> None:
    with pytest.raises(UnknownModel) as caught:
        plugin.tts_load_model("none", "cpu", SETTINGS)
    assert caught.value.allowed[0] == "hibari"


def test_speech_begins_without_the_zeros_the_engine_puts_first(speak: Speak) -> None:
    assert speak("Hello there.")[0] != 0


def test_the_first_sentence_comes_before_the_second_is_made(model: Model) -> None:
    chunks = model.synthesize(SpeechRequest("Hello there. How are you?", "heart", "en"))
    assert len(next(chunks).samples) < RATE_HZ * 2
    assert len(list(chunks)) == 1


@pytest.mark.parametrize(("asked", "spoken"), [(4.0, plugin.FASTEST), (0.25, plugin.SLOWEST)])
def test_a_speed_beyond_what_the_engine_learnt_is_the_nearest_one(speak: Speak, asked: float, spoken: float) -> None:
    np.testing.assert_array_equal(speak("Hello there.", speed=asked), speak("Hello there.", speed=spoken))


def test_no_piece_is_long_even_without_punctuation_or_spaces(model: Model) -> None:
    for text in ("word " * 300, "a" * 2_000, "9" * 200, "Hello, " * 100):
        for chunk in model.synthesize(SpeechRequest(text, "heart", "en")):
            assert len(chunk.samples) < RATE_HZ * 20


@pytest.mark.parametrize("odd", ["你好", "Привет", "😀", "¹⋋", "🇪İ"])
def test_what_the_engine_cannot_say_is_left_out(speak: Speak, odd: str) -> None:
    assert len(speak(f"Hello {odd} world.")) == pytest.approx(len(speak("Hello world.")), rel=0.3)


@pytest.mark.parametrize("text", ["", " ", "!!!", "😀😀", "你好世界", "¹⋋"])
def test_a_text_with_nothing_to_say_is_bad(speak: Speak, text: str) -> None:
    with pytest.raises(BadText, match="nothing in the text"):
        speak(text)


def test_phonemes_outside_the_network_make_no_chunk(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "_read", lambda engine, text: "д")
    with pytest.raises(BadText):
        list(model.synthesize(SpeechRequest("Hello.", "heart", "en")))


def test_a_closed_model_says_so() -> None:
    model = plugin.tts_load_model("hibari", "cpu", SETTINGS)
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        next(model.synthesize(SpeechRequest("Hello.", "heart", "en")))


@given(st.text(max_size=2 * MAX_PIECE))
def test_cutting_loses_nothing_but_white_space(text: str) -> None:
    assert "".join("".join(cut(text)).split()) == "".join(text.split())
    assert all(len(piece) <= MAX_PIECE for piece in cut(text))


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    assert cut("one two three four five six seven eight, " * 5)[0].endswith("eight,")


def test_endless_numbers_are_read_digit_by_digit() -> None:
    assert sayable("call 1234567890123 or 123") == "call 1 2 3 4 5 6 7 8 9 0 1 2 3 or 123"
