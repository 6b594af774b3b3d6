"""What is particular to Kokoro; the conformance test holds what every adapter owes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from antiphon_adapter_kokoro import plugin
from antiphon_adapter_kokoro.phrases import GROWTH, LONGEST, pause_ms, phrases
from antiphon_adapter_kokoro.voices import NAMES, recipes
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadSettings, BadText, CannotLoad, UnknownModel, UnknownVoice
from antiphon_core.models import AdapterSettings, Model, SpeechRequest
from antiphon_core.store import Store, StoreFiles, catalogue_of
from antiphon_core.testkit import FolderFiles, NoFiles
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.timeout(120)

DUO = {"voice.duo": "af_bella:0.6+am_adam:0.4"}


def settings(**options: str) -> AdapterSettings:
    return AdapterSettings(StoreFiles(Store(), catalogue_of(plugin.__name__)), options)


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = plugin.tts_load_model("kokoro-82m", "cpu", settings(**DUO))
    yield loaded
    loaded.close()


def spoken(model: Model, text: str, voice: str = "af_heart", speed: float = 1.0) -> list[PcmChunk]:
    return list(model.synthesize(SpeechRequest(text, voice, "en", speed)))


def test_every_voice_that_is_listed_has_its_style_in_the_catalogue() -> None:
    (info,) = plugin.tts_list_models(AdapterSettings(NoFiles()))
    files = [file.path for file in catalogue_of(plugin.__name__).entry(info.files).files]
    assert sorted(files[1:]) == sorted(f"voices/{voice.id}.bin" for voice in info.voices)
    assert (info.default_voice, len(info.voices)) == ("af_heart", 41)


def test_a_voices_language_is_that_of_its_name() -> None:
    languages = {name: recipe.info.languages[0] for name, recipe in recipes({}).items()}
    assert (languages["bm_george"], languages["ff_siwis"], languages["pf_dora"]) == ("en-GB", "fr-FR", "pt-BR")


def test_an_unknown_model_and_an_unknown_voice_are_refused(model: Model) -> None:
    with pytest.raises(UnknownModel, match="there is: kokoro-82m"):
        plugin.tts_load_model("none", "cpu", settings())
    with pytest.raises(UnknownVoice, match="has no voice 'af_nobody'"):
        spoken(model, "Hello.", voice="af_nobody")


def test_a_blend_is_a_voice_between_those_it_is_made_of(model: Model) -> None:
    assert isinstance(model, plugin.KokoroModel)
    known = recipes(DUO)
    duo, bella, adam = (model._style(known[name]) for name in ("duo", "af_bella", "am_adam"))
    np.testing.assert_allclose(duo, 0.6 * bella + 0.4 * adam, atol=1e-6)
    assert model.info.voices[-1].languages == ("en-US", "en")
    assert sum(len(chunk.samples) for chunk in spoken(model, "Hello.", voice="duo")) > 5_000


def test_shares_are_weighed_against_each_other() -> None:
    assert recipes({"voice.duo": "bf_emma:3+bm_lewis"})["duo"].shares == {"bf_emma": 0.75, "bm_lewis": 0.25}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("af_bella+nobody", "there is no voice 'nobody'"),
        ("af_bella:much", "'much' is no number"),
        ("af_bella:0", "a share is more than 0"),
        ("af_bella:nan", "a share is more than 0"),
        ("", "there is no voice ''"),
    ],
)
def test_a_blend_that_cannot_be_made_is_told(written: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        plugin.tts_list_models(settings(**{"voice.duo": written}))


@pytest.mark.parametrize("name", ["", "af_bella", "a/b", "a b"])
def test_a_blend_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(BadSettings, match="its name is empty, taken, or holds"):
        recipes({f"voice.{name}": "af_bella"})


def test_speech_begins_with_a_short_phrase(model: Model) -> None:
    chunks = model.synthesize(SpeechRequest("The old lighthouse stands by the harbour of the town.", "af_sky", "en"))
    assert len(next(chunks).samples) < 3 * plugin.RATE_HZ
    chunks.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("asked", "spoken_at"), [(4.0, plugin.FASTEST), (0.25, plugin.SLOWEST)])
def test_a_speed_beyond_the_engines_is_the_nearest_one(model: Model, asked: float, spoken_at: float) -> None:
    one, other = spoken(model, "Hello.", speed=asked), spoken(model, "Hello.", speed=spoken_at)
    np.testing.assert_array_equal(one[0].samples, other[0].samples)


@pytest.mark.parametrize("text", ["", " ", "!!!", "…"])
def test_a_text_with_nothing_to_say_is_bad(model: Model, text: str) -> None:
    with pytest.raises(BadText, match="nothing in the text"):
        spoken(model, text)


def test_a_network_cut_short_is_told(tmp_path: Path) -> None:
    real = settings().files.get("kokoro-82m")
    (tmp_path / "kokoro-82m").mkdir()
    (tmp_path / "kokoro-82m" / "kokoro.onnx").write_bytes((real / "kokoro.onnx").read_bytes()[:1_000_000])
    shutil.copytree(real / "voices", tmp_path / "kokoro-82m" / "voices")
    with pytest.raises(CannotLoad, match=r"kokoro\.onnx cannot be loaded"):
        plugin.tts_load_model("kokoro-82m", "cpu", AdapterSettings(FolderFiles(tmp_path)))


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotLoad, match=r"does not run on 'cuda:0'.*Set device to cpu"):
        plugin.tts_load_model("kokoro-82m", "cuda:0", settings())


def test_a_closed_model_says_so() -> None:
    model = plugin.tts_load_model("kokoro-82m", "cpu", settings())
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        spoken(model, "Hello.")


@given(st.text(alphabet="abc .,;!", max_size=600))
def test_phrases_lose_no_sound_and_are_bounded(phonemes: str) -> None:
    cut = list(phrases(phonemes))
    assert [sign for sign in "".join(cut) if sign.isalpha()] == [sign for sign in phonemes if sign.isalpha()]
    assert all(len(phrase) <= LONGEST * GROWTH for phrase in cut)


def test_a_phrase_ends_where_a_clause_does() -> None:
    text = "ðɪ ˈoʊld lˈaɪthaʊs, ænd ɪn ðɪ ˈiːvnɪŋ juː kæn sˈiː ɪts lˈaɪt"
    assert next(phrases(text)) == "ðɪ ˈoʊld lˈaɪthaʊs,"


def test_marks_of_a_change_of_language_are_not_read_out() -> None:
    assert list(phrases("a (en)bc(fr-fr) (d)")) == ["a bc (d)"]


def test_the_pause_after_a_phrase_is_that_of_its_end() -> None:
    assert pause_ms("ab.") > pause_ms('ab,"') > pause_ms("ab") > 0


def test_no_voice_is_listed_twice() -> None:
    assert len(set(NAMES)) == len(NAMES)
