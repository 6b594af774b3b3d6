"""Words of a real voice come out of the audio path whole, measured in the samples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from antiphon_adapter_hibari import plugin
from antiphon_core.audio import Frame, PcmChunk, PcmFormat, Samples
from antiphon_core.models import AdapterSettings, Model, SpeechRequest
from antiphon_core.worker.audio_path import AudioPath, slices
from antiphon_core.worker.loudness import calibrate, measure_lufs
from antiphon_core.worker.trim import TrimSettings

pytestmark = pytest.mark.integration

RATE_HZ = 24_000
GAIN_DB = 10.0
WORDS = ("cats", "six", "fifth", "half", "thin", "stop", "first month", "she", "huff", "wreath", "lock")


class NoFiles:
    """The voice's package brings its weights along."""

    def get(self, entry_id: str) -> Path:
        raise AssertionError(f"asked the store for {entry_id!r}")

    def have(self, entry_id: str) -> bool:
        return False


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = plugin.tts_load_model("hibari", "cpu", AdapterSettings(files=NoFiles()))
    yield loaded
    loaded.close()


def chunks(model: Model, text: str) -> list[PcmChunk]:
    """With the silence in front that many engines give; at the end the voice has its own."""
    silence = PcmChunk(np.zeros(RATE_HZ // 5, np.int16), RATE_HZ)
    return [silence, *model.synthesize(SpeechRequest(text, "heart", "en", seed=0))]


def through(spoken: list[PcmChunk], trim: TrimSettings, gain_db: float = GAIN_DB) -> Samples:
    path = AudioPath(PcmFormat(RATE_HZ), trim, gain_db)
    events = [event for chunk in spoken for part in slices(chunk) for event in path.push(part)] + path.finish()
    frames = [event for event in events if isinstance(event, Frame)]
    return np.concatenate([np.frombuffer(frame.pcm, np.int16)[: frame.speech_samples] for frame in frames])


def cut_off(model: Model, text: str) -> tuple[Samples, Samples, Samples]:
    """What was taken from the front, what stayed, and what was taken from the back."""
    spoken = chunks(model, text)
    whole, kept = through(spoken, TrimSettings(enabled=False)), through(spoken, TrimSettings())
    begin = next(at for at in range(len(whole)) if np.array_equal(whole[at : at + len(kept)], kept))
    return whole[:begin], kept, whole[begin + len(kept) :]


def energy(samples: Samples, above_hz: int = 0) -> float:
    spectrum = np.fft.rfft(samples / 32768, max(len(samples), 1))
    return float(np.square(np.abs(spectrum[len(spectrum) * above_hz * 2 // RATE_HZ :])).sum() / max(len(samples), 1))


@pytest.mark.parametrize("word", WORDS)
def test_no_sound_of_a_word_is_cut_off(model: Model, word: str) -> None:
    front, kept, back = cut_off(model, word)
    assert energy(front) + energy(back) < energy(kept) * 1e-5
    assert energy(front, 3_000) + energy(back, 3_000) < energy(kept, 3_000) * 1e-3


@pytest.mark.parametrize("word", WORDS)
def test_what_is_kept_around_a_word_is_a_breath_and_no_more(model: Model, word: str) -> None:
    _, kept, _ = cut_off(model, word)
    loud = np.flatnonzero(np.abs(kept.astype(int)) > 32768 * 10 ** (-40 / 20))
    assert loud[0] < RATE_HZ * 0.12
    assert len(kept) - loud[-1] < RATE_HZ * 0.32


def test_a_calibrated_voice_speaks_other_sentences_near_the_target(model: Model) -> None:
    gain = calibrate(chunks(model, "The quick brown fox jumps over the lazy dog."))
    for text in ("Please call Stella.", "Well, I think that it may rain tomorrow.", "Where did you put the keys?"):
        assert measure_lufs(through(chunks(model, text), TrimSettings(), gain.gain_db), RATE_HZ) == pytest.approx(
            -16.0, abs=2.5
        )
