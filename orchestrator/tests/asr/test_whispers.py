"""How the two Whisper recognisers use their engines, shown on stand-ins that understand the scripted voice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from antiphon_core.errors import BadRequest, CannotLoad, EngineFailed, Unsupported
from antiphon_orchestrator.asr.faster_whisper import FasterWhisperAsr
from antiphon_orchestrator.asr.whisper import WhisperAsr
from antiphon_orchestrator.testing import voice

SPEECH = voice.speak("turn the light off")

WHISPER = """
from types import SimpleNamespace
from antiphon_orchestrator.testing.voice import understand

tokenizer = SimpleNamespace(LANGUAGES={"en": "english", "pt": "portuguese"})

class Model:
    def __init__(self, name):
        self.is_multilingual = ".en" not in name

    def transcribe(self, audio, *, language, initial_prompt, temperature, condition_on_previous_text,
                   without_timestamps, fp16):
        if initial_prompt == "crash":
            raise RuntimeError("out of memory")
        options = (temperature, condition_on_previous_text, without_timestamps, fp16)
        assert options == (0.0, False, True, False), options
        return {"text": f" {understand(audio)} ", "language": language or "en"}

def load_model(name, device):
    assert device == "cpu"
    return Model(name)
"""

FASTER_WHISPER = """
from types import SimpleNamespace
from antiphon_orchestrator.testing.voice import understand

class WhisperModel:
    supported_languages = ["en", "pt"]

    def __init__(self, folder, *, device, compute_type, cpu_threads, num_workers, local_files_only):
        assert (device, compute_type, cpu_threads, num_workers, local_files_only) == ("cpu", "default", 1, 2, True)

    def transcribe(self, audio, *, language, initial_prompt, beam_size, temperature, condition_on_previous_text,
                   without_timestamps):
        segments = (SimpleNamespace(text=f" {word} ") for word in understand(audio).split())
        if initial_prompt == "crash":
            raise RuntimeError("out of memory")
        return segments, SimpleNamespace(language=language or "en")
"""

Make = Callable[[str], FasterWhisperAsr | WhisperAsr]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    packages, models = tmp_path / "packages", tmp_path / "models"
    packages.mkdir()
    models.mkdir()
    monkeypatch.syspath_prepend(packages)

    def build(name: str) -> FasterWhisperAsr | WhisperAsr:
        source, weights = {"whisper": (WHISPER, "base.pt"), "faster_whisper": (FASTER_WHISPER, "model.bin")}[name]
        (packages / f"{name}.py").write_text(source)
        (models / weights).touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
        asr = WhisperAsr(models) if name == "whisper" else FasterWhisperAsr(models)
        monkeypatch.delitem(sys.modules, name)
        return asr

    return build


both = pytest.mark.parametrize("name", ["whisper", "faster_whisper"])


@both
async def test_speech_becomes_its_words_and_language(make: Make, name: str) -> None:
    asr = make(name)
    heard = await asr.transcribe(SPEECH, prompt="lamps")
    assert (heard.text, heard.language) == ("turn the light off", "en")
    assert (await asr.transcribe(SPEECH, language="pt-BR")).language == "pt"
    asr.close()


@both
async def test_nothing_is_made_of_nothing(make: Make, name: str) -> None:
    asr = make(name)
    assert (await asr.transcribe(voice.silence(0), language="pt")).text == ""
    asr.close()


@both
async def test_an_unknown_language_is_refused_with_those_it_knows(make: Make, name: str) -> None:
    asr = make(name)
    with pytest.raises(Unsupported, match="does not understand 'tlh', only: en, pt") as refused:
        await asr.transcribe(SPEECH, language="tlh")
    assert refused.value.allowed == ("en", "pt")
    asr.close()


@both
async def test_audio_that_is_too_long_is_refused(make: Make, name: str) -> None:
    asr = make(name)
    with pytest.raises(BadRequest, match="at most 30 s"):
        await asr.transcribe(voice.silence(asr.max_samples + 1))
    asr.close()


@both
async def test_an_engine_that_crashes_ends_that_recognition_only(make: Make, name: str) -> None:
    asr = make(name)
    with pytest.raises(EngineFailed, match="failed: RuntimeError: out of memory"):
        await asr.transcribe(SPEECH, prompt="crash")
    assert (await asr.transcribe(SPEECH)).text == "turn the light off"
    asr.close()


def test_a_missing_engine_says_which_extra_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "whisper", None)
    with pytest.raises(CannotLoad, match=r"pip install 'antiphon-orchestrator\[whisper\]'"):
        WhisperAsr(tmp_path)


@both
def test_missing_weights_are_named(make: Make, name: str, tmp_path: Path) -> None:
    make(name).close()
    asr = {"whisper": WhisperAsr, "faster_whisper": FasterWhisperAsr}[name]
    with pytest.raises(CannotLoad, match=r"holds 0 checkpoints|holds no model\.bin"):
        asr(tmp_path)


async def test_an_english_checkpoint_knows_english_only(make: Make, tmp_path: Path) -> None:
    make("whisper").close()
    folder = tmp_path / "english"
    folder.mkdir()
    (folder / "base.en.pt").touch()
    asr = WhisperAsr(folder)
    with pytest.raises(Unsupported, match="whisper does not understand 'pt', only: en"):
        await asr.transcribe(SPEECH, language="pt")
    asr.close()
