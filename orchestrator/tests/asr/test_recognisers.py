"""Whatever recognises speech for us, real or scripted, does this."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.errors import BadRequest
from antiphon_orchestrator.asr.faster_whisper import FasterWhisperAsr
from antiphon_orchestrator.asr.gated import GatedAsr
from antiphon_orchestrator.asr.moonshine import MoonshineAsr
from antiphon_orchestrator.asr.whisper import WhisperAsr
from antiphon_orchestrator.ports import EARS_RATE_HZ, Asr, HeardSamples
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedVad
from antiphon_orchestrator.vad.silero import Silero
from whisper_weights import checkpoint

ModelFolder = Callable[[str], Path]


@dataclass(frozen=True)
class Case:
    """A recogniser, two things said to it, and the words in them."""

    asr: Asr
    speech: HeardSamples
    words: str
    other_speech: HeardSamples
    other_words: str


SCRIPTED = ("scripted", "gated", "openai")
REAL = [
    pytest.param(
        name,
        marks=[
            pytest.mark.integration,
            pytest.mark.timeout(300),
            # OpenAI's package leaves the file of its vocabulary to the garbage collector.
            pytest.mark.filterwarnings("ignore:.*tiktoken:pytest.PytestUnraisableExceptionWarning"),
        ],
    )
    for name in ("moonshine", "faster_whisper", "whisper")
]


@pytest.fixture(params=[*SCRIPTED, *REAL])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with AsyncExitStack() as closing:
        yield _scripted(request, closing) if request.param in SCRIPTED else _real(request)


def _scripted(request: pytest.FixtureRequest, closing: AsyncExitStack) -> Case:
    asr: Asr = ScriptedAsr()
    if request.param == "gated":
        asr = gated = GatedAsr(asr, ScriptedVad)
        closing.callback(gated.close)
    if request.param == "openai":
        asr = client = request.getfixturevalue("endpoint").asr()
        closing.push_async_callback(client.aclose)
    first, second = "What time is it", "turn the light off"
    return Case(asr, voice.speak(first), first.lower(), voice.speak(second), second)


def _real(request: pytest.FixtureRequest) -> Case:
    jfk: HeardSamples = request.getfixturevalue("jfk")
    return Case(
        request.getfixturevalue(request.param),
        jfk[: int(7.7 * EARS_RATE_HZ)],
        "and so my fellow americans ask not what your country can do for you",
        jfk[int(7.9 * EARS_RATE_HZ) :],
        "ask what you can do for your country",
    )


@pytest.fixture(scope="module")
def moonshine(model_folder: ModelFolder) -> Iterator[Asr]:
    with ExitStack() as closing:
        yield _gated(MoonshineAsr(model_folder("moonshine-tiny-en")), model_folder, closing)


@pytest.fixture(scope="module")
def faster_whisper(model_folder: ModelFolder) -> Iterator[Asr]:
    pytest.importorskip(
        "faster_whisper", reason="needs the extra faster-whisper: poetry install --extras faster-whisper"
    )
    with ExitStack() as closing:
        yield _gated(FasterWhisperAsr(model_folder("whisper-tiny-en")), model_folder, closing)


@pytest.fixture(scope="module")
def whisper(model_folder: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asr]:
    """On real weights; the store has them as CTranslate2 keeps them."""
    torch = pytest.importorskip("torch", reason="needs the extra whisper: tox -e whisper")
    saved = checkpoint(model_folder("whisper-tiny-en") / "model.bin")
    saved["model_state_dict"] = {
        name: torch.tensor(weights.astype(np.float32)) for name, weights in saved["model_state_dict"].items()
    }
    folder = tmp_path_factory.mktemp("whisper")
    torch.save(saved, folder / "tiny.en.pt")
    with ExitStack() as closing:
        yield _gated(WhisperAsr(folder), model_folder, closing)


def _gated(engine: MoonshineAsr | FasterWhisperAsr | WhisperAsr, model_folder: ModelFolder, closing: ExitStack) -> Asr:
    gated = GatedAsr(engine, Silero(model_folder("silero-vad")).stream)
    closing.callback(engine.close)
    closing.callback(gated.close)
    return gated


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


async def test_speech_becomes_its_words(case: Case) -> None:
    assert plain((await case.asr.transcribe(case.speech)).text) == case.words


async def test_the_words_are_the_same_in_a_known_language_and_with_a_prompt(case: Case) -> None:
    heard = await case.asr.transcribe(case.speech, language="en-US", prompt="A talk.")
    assert plain(heard.text) == case.words


@pytest.mark.parametrize("seconds", [0, 0.02, 1, 8])
async def test_silence_has_no_words(case: Case, seconds: float) -> None:
    assert (await case.asr.transcribe(voice.silence(int(seconds * EARS_RATE_HZ)))).text == ""


async def test_faint_noise_has_no_words(case: Case) -> None:
    hiss = np.random.default_rng(0).normal(0, 0.0005, 3 * EARS_RATE_HZ).astype(np.float32)
    assert (await case.asr.transcribe(hiss)).text == ""


async def test_audio_that_is_too_long_is_refused(case: Case) -> None:
    with pytest.raises(BadRequest, match=r"at most .* s at a time: cut it"):
        await case.asr.transcribe(voice.silence(case.asr.max_samples + 1))


async def test_audio_as_long_as_allowed_is_taken(case: Case) -> None:
    audio = voice.silence(case.asr.max_samples)
    audio[: len(case.speech)] = case.speech
    words = plain((await case.asr.transcribe(audio)).text)
    assert words.startswith(case.words)


async def test_recognitions_at_once_keep_apart(case: Case) -> None:
    heard = await asyncio.gather(
        *(case.asr.transcribe(audio) for audio in [case.speech, case.other_speech] * 2),
        case.asr.transcribe(case.speech, urgent=False),
    )
    assert [plain(one.text) for one in heard] == [case.words, case.other_words] * 2 + [case.words]


async def test_a_cancelled_recognition_leaves_the_recogniser_usable(case: Case) -> None:
    unwanted = [asyncio.create_task(case.asr.transcribe(case.speech)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in unwanted:
        task.cancel()
    gone = await asyncio.gather(*unwanted, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in gone)
    assert plain((await case.asr.transcribe(case.other_speech)).text) == case.other_words


async def test_the_audio_is_left_as_it_was(case: Case) -> None:
    audio = case.speech.copy()
    await case.asr.transcribe(audio)
    np.testing.assert_array_equal(audio, case.speech)
