"""Whatever hears speech for us, real or scripted, does this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.errors import CannotLoad
from antiphon_orchestrator.ports import HeardSamples, Vad
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedVad
from antiphon_orchestrator.vad.silero import Silero


@dataclass(frozen=True)
class Case:
    new: Callable[[], Vad]
    speech: HeardSamples
    noise: HeardSamples


REAL = pytest.param("silero", marks=[pytest.mark.integration, pytest.mark.timeout(300)])


@pytest.fixture(params=["scripted", REAL])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "scripted":
        return Case(ScriptedVad, voice.speak("what is the time in Tokyo right now"), voice.noise(16_000))
    silero = Silero(request.getfixturevalue("model_folder")("silero-vad"))
    loud_hiss = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    return Case(silero.stream, request.getfixturevalue("jfk")[6_000:40_000], loud_hiss)


def answers(vad: Vad, audio: HeardSamples) -> list[float]:
    size = vad.window_samples
    return [vad.probability(audio[start : start + size]) for start in range(0, len(audio) - size + 1, size)]


def test_speech_is_told_from_silence(case: Case) -> None:
    assert max(answers(case.new(), case.speech)) > 0.9
    assert max(answers(case.new(), np.zeros(16_000, np.float32))) < 0.2


def test_noise_is_no_speech(case: Case) -> None:
    assert max(answers(case.new(), case.noise)) < 0.4


def test_answers_are_probabilities(case: Case) -> None:
    assert all(0 <= answer <= 1 for answer in answers(case.new(), case.speech))


def test_reset_forgets_the_stream(case: Case) -> None:
    vad = case.new()
    before = answers(vad, case.speech)
    vad.reset()
    assert answers(vad, case.speech) == before


def test_streams_do_not_disturb_each_other(case: Case) -> None:
    alone = answers(case.new(), case.speech)
    one, other = case.new(), case.new()
    size = one.window_samples
    heard = []
    for start in range(0, len(case.speech) - size + 1, size):
        heard.append(one.probability(case.speech[start : start + size]))
        other.probability(np.zeros(size, np.float32))
    assert heard == alone


def test_the_window_is_left_as_it_was(case: Case) -> None:
    vad = case.new()
    window = case.speech[: vad.window_samples].copy()
    vad.probability(window)
    np.testing.assert_array_equal(window, case.speech[: vad.window_samples])


@pytest.mark.parametrize("samples", [0, 1, 160, 511, 513])
def test_a_window_of_another_size_is_refused(case: Case, samples: int) -> None:
    with pytest.raises(ValueError, match="a window holds 512 samples"):
        case.new().probability(np.zeros(samples, np.float32))


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_silero_hears_a_window_in_the_light_of_the_one_before(
    model_folder: Callable[[str], Path], jfk: HeardSamples
) -> None:
    silero = Silero(model_folder("silero-vad"))
    through, fresh = silero.stream(), silero.stream()
    speech = jfk[20_000:]
    together = answers(through, speech)
    apart = []
    for start in range(0, len(speech) - 511, 512):
        fresh.reset()
        apart.append(fresh.probability(speech[start : start + 512]))
    assert np.mean(together) > np.mean(apart) + 0.2


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"silero_vad_op18_ifless\.onnx is missing; pull the model again"):
        Silero(tmp_path)
