"""What is particular to Piper; the conformance test holds what every adapter owes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from antiphon_adapter_piper import plugin
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadRequest, BadText, CannotLoad, UnknownModel
from antiphon_core.models import AdapterSettings, Capability, Model, SpeechRequest
from antiphon_core.store import Store, StoreFiles, catalogue_of
from antiphon_core.testkit import NoFiles

JOE = "en_US-joe-medium"
RATE_HZ = 22_050
SENTENCE = "The old lighthouse, at the end of the harbour, has 1,204 steps of stone."

pytestmark = pytest.mark.timeout(60)


def settings(**options: str) -> AdapterSettings:
    return AdapterSettings(StoreFiles(Store(), catalogue_of(plugin.__name__)), options)


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = plugin.tts_load_model(JOE, "cpu", settings())
    yield loaded
    loaded.close()


def spoken(model: Model, text: str, speed: float = 1.0, **options: str) -> list[PcmChunk]:
    return list(model.synthesize(SpeechRequest(text, model.info.default_voice, "en", speed, options=options)))


def seconds(chunks: list[PcmChunk]) -> float:
    return sum(len(chunk.samples) for chunk in chunks) / RATE_HZ


def marks_of(chunks: list[PcmChunk]) -> list[TextMark]:
    return [mark for chunk in chunks for mark in chunk.marks]


def test_the_first_voice_listed_is_the_one_that_the_package_index_has() -> None:
    first, *others = plugin.tts_list_models(AdapterSettings(NoFiles()))
    assert (first.id, first.licence) == (JOE, "CC0-1.0")
    assert {"de_DE-thorsten-medium", "fr_FR-siwis-medium"} <= {info.id for info in others}


def test_every_voice_of_the_catalogue_has_its_two_files_from_the_hub() -> None:
    for entry in catalogue_of(plugin.__name__).entries:
        assert [file.path for file in entry.files] == [f"{entry.id}.onnx", f"{entry.id}.onnx.json"]
        for file in entry.files:
            assert str(file.sources[-1]).startswith("hf:rhasspy/piper-voices@")
            assert str(file.sources[-1]).endswith(f"/{file.path}")


def test_an_unknown_model_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UnknownModel) as caught:
        plugin.tts_load_model("none", "cpu", settings())
    assert caught.value.allowed[0] == JOE


def test_the_first_chunk_is_the_first_clause_alone(model: Model) -> None:
    chunks = spoken(model, SENTENCE)
    assert len(chunks) == 2
    assert [len(chunk.marks) for chunk in chunks] == [3, 11]


def test_every_word_is_marked_where_it_is_spoken(model: Model) -> None:
    marks = marks_of(spoken(model, SENTENCE))
    assert [SENTENCE[mark.text_offset :][: mark.text_length] for mark in marks] == SENTENCE.split()
    assert [mark.sample_offset for mark in marks] == sorted({mark.sample_offset for mark in marks})


def test_a_word_after_a_pause_is_marked_where_sound_sets_in_again(model: Model) -> None:
    chunks = spoken(model, "Please wait for a while; tomorrow.", noise_scale="0", noise_w_scale="0")
    samples = np.concatenate([chunk.samples for chunk in chunks]).astype(np.float64)
    last = marks_of(chunks)[-1].sample_offset
    window = RATE_HZ // 50
    loud = np.sqrt(np.square(samples[: len(samples) // window * window]).reshape(-1, window).mean(axis=1)) > 300
    quiet = np.flatnonzero(~loud[: last // window + 5])
    assert abs((quiet[-1] + 1) * window - last) < RATE_HZ // 8


def test_words_that_run_together_in_speech_are_marked_each(model: Model) -> None:
    text = "Some of the rest of it is in the house for 12.5 dollars"
    assert len(marks_of(spoken(model, text))) == len(text.split())


def test_what_cannot_be_heard_has_no_mark(model: Model) -> None:
    text = "Hello — there"
    assert [mark.text_offset for mark in marks_of(spoken(model, text))] == [0, 8]


def test_without_timings_the_network_is_as_it_came(model: Model) -> None:
    plain = plugin.tts_load_model(JOE, "cpu", settings(timings="off"))
    assert Capability.WORD_TIMINGS in model.info.capabilities
    assert Capability.WORD_TIMINGS not in plain.info.capabilities
    assert not marks_of(spoken(plain, "Hello there."))


def test_timings_are_on_or_off() -> None:
    with pytest.raises(BadRequest, match="it is on or off"):
        plugin.tts_list_models(settings(timings="perhaps"))


def test_without_noise_an_utterance_is_always_the_same(model: Model) -> None:
    one, other = (spoken(model, "Hello there.", noise_scale="0", noise_w_scale="0") for _ in range(2))
    np.testing.assert_array_equal(one[0].samples, other[0].samples)


def test_the_operators_noise_is_the_default_and_a_request_may_change_it() -> None:
    model = plugin.tts_load_model(JOE, "cpu", settings(noise_scale="0", noise_w_scale="0"))
    one, other = (spoken(model, "Hello there.") for _ in range(2))
    np.testing.assert_array_equal(one[0].samples, other[0].samples)
    lively = spoken(model, "Hello there.", noise_scale="0.9", noise_w_scale="1.2")
    assert not np.array_equal(one[0].samples, lively[0].samples)


@pytest.mark.parametrize("written", ["loud", "-1", "3", "nan"])
def test_noise_is_a_number_within_bounds(model: Model, written: str) -> None:
    with pytest.raises(BadRequest, match="a number from 0 to 2"):
        spoken(model, "Hello.", noise_scale=written)


def test_soft_words_stay_soft(model: Model) -> None:
    """Piper's own default scales every sentence to full range, so that loudness would jump from clause to clause."""
    peaks = [np.abs(chunk.samples.astype(int)).max() for chunk in spoken(model, "Hello there, my friend, good day.")]
    assert max(peaks) < 0.95 * 32767


def test_doubled_brackets_are_no_phonemes(model: Model) -> None:
    assert seconds(spoken(model, "Hello [[ h@l@U ]] there.")) > seconds(spoken(model, "Hello there.")) + 0.3


@pytest.mark.parametrize("text", ["", " ", "!!!", "— …"])
def test_a_text_with_nothing_to_say_is_bad(model: Model, text: str) -> None:
    with pytest.raises(BadText, match="nothing in the text"):
        spoken(model, text)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotLoad, match=r"does not run on 'cuda:0'.*Set device to cpu"):
        plugin.tts_load_model(JOE, "cuda:0", settings())


def test_a_closed_model_says_so() -> None:
    model = plugin.tts_load_model(JOE, "cpu", settings(timings="off"))
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        spoken(model, "Hello.")


def test_the_catalogue_says_where_a_voices_card_is() -> None:
    assert all(entry.licence_url.endswith("MODEL_CARD") for entry in catalogue_of(plugin.__name__).entries)
    assert Path(plugin.__file__).with_name("catalogue.yaml").is_file()
