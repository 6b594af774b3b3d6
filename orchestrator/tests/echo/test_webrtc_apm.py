"""The real processor on a synthetic echo path: a voice of ours comes back, and a person speaks over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from antiphon_core.audio import Samples
from antiphon_core.errors import CannotLoad
from antiphon_orchestrator.echo import webrtc_apm
from antiphon_orchestrator.echo.canceller import BLOCK_SAMPLES
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.vad.silero import WINDOW_SAMPLES, Silero

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

SPEECH = 0.5


def samples(audio: HeardSamples) -> Samples:
    return np.rint(audio * 32_767).astype(np.int16)


def echo(audio: HeardSamples, delay_ms: int, gain_db: float) -> HeardSamples:
    """The audio as a room gives it back: late, quieter, and once more from a wall."""
    direct, wall = delay_ms * EARS_RATE_HZ // 1000, (delay_ms + 11) * EARS_RATE_HZ // 1000
    back = np.zeros(len(audio), np.float32)
    back[direct:] = audio[:-direct]
    back[wall:] += np.float32(0.4) * audio[:-wall]
    return back * np.float32(10 ** (gain_db / 20))


def cleaned(far: HeardSamples, near: HeardSamples) -> HeardSamples:
    pytest.importorskip("livekit.rtc", reason="install the extra: pip install 'antiphon-orchestrator[echo]'")
    processor = webrtc_apm.WebrtcEchoProcessor()
    whole = len(near) // BLOCK_SAMPLES * BLOCK_SAMPLES
    far_blocks, near_blocks = (samples(part[:whole]).reshape(-1, BLOCK_SAMPLES) for part in (far, near))
    blocks = [processor.process(far, near) for far, near in zip(far_blocks, near_blocks, strict=True)]
    return np.concatenate(blocks).astype(np.float32) / np.float32(32_768)


def speech_ms(silero: Silero, audio: HeardSamples) -> int:
    """How much of it ears take for speech."""
    stream = silero.stream()
    windows = audio[: len(audio) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
    heard = sum(stream.probability(window) >= SPEECH for window in windows)
    return heard * WINDOW_SAMPLES * 1000 // EARS_RATE_HZ


@pytest.fixture(scope="module")
def silero(model_folder: Any) -> Silero:
    return Silero(model_folder("silero-vad"))


@pytest.mark.parametrize("delay_ms", [60, 250])
def test_our_own_voice_is_not_heard(silero: Silero, jfk: HeardSamples, delay_ms: int) -> None:
    near = echo(jfk, delay_ms, -20)
    assert speech_ms(silero, near) > 3_000, "without it, the echo is heard as speech"
    assert speech_ms(silero, cleaned(jfk, near)) < 100


def test_a_loud_loudspeaker_is_learned_within_a_second(silero: Silero, jfk: HeardSamples) -> None:
    left = cleaned(jfk, echo(jfk, 60, -10))
    assert speech_ms(silero, left[EARS_RATE_HZ:]) < 100


def test_a_person_is_heard_over_it(silero: Silero, jfk: HeardSamples) -> None:
    """They speak as loud as we do, five seconds after we began."""
    near = echo(jfk, 60, -20)
    near[5 * EARS_RATE_HZ :] += jfk[: len(near) - 5 * EARS_RATE_HZ]
    left = cleaned(jfk, np.clip(near, -1, 1))
    alone = speech_ms(silero, jfk[: len(near) - 5 * EARS_RATE_HZ])
    assert speech_ms(silero, left[5 * EARS_RATE_HZ :]) > 0.7 * alone


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(webrtc_apm, "import_module", missing)
    with pytest.raises(CannotLoad, match=r"antiphon-orchestrator\[echo\]"):
        webrtc_apm.load()
