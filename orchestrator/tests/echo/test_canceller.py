"""Between a session and its client: what is sent goes on unchanged, and what comes in is cleaned block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from antiphon_core.audio import Samples
from antiphon_orchestrator.echo.canceller import BLOCK_SAMPLES, EchoCanceller
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.session.outlet import ResponseSheet

SHEET = ResponseSheet("resp_1", spoken=True)


class Client:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def event(self, type_: str, /, **fields: Any) -> None:
        self.got.append((type_, fields))

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self.got.append(pcm)

    def close(self, code: int, reason: str) -> None:
        self.got.append((code, reason))


class Subtracting:
    """A perfect processor for an echo without delay."""

    def __init__(self) -> None:
        self.far: list[Samples] = []

    def process(self, far: Samples, near: Samples) -> Samples:
        assert len(far) == len(near) == BLOCK_SAMPLES
        self.far.append(far)
        return near - far


class Clock:
    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def test_everything_for_the_client_reaches_it() -> None:
    client = Client()
    canceller = EchoCanceller(client, Subtracting(), Clock())
    canceller.event("response.created", response={})
    canceller.audio(SHEET, "item_1", bytes(960))
    canceller.close(1000, "over")
    assert client.got == [("response.created", {"response": {}}), bytes(960), (1000, "over")]


def test_samples_of_any_length_come_out_in_whole_blocks() -> None:
    canceller = EchoCanceller(Client(), Subtracting(), Clock())
    heard = np.linspace(-0.5, 0.5, 1_000, dtype=np.float32)
    cleaned = np.concatenate([canceller.clean(heard[start : start + 37]) for start in range(0, 1_000, 37)])
    assert len(cleaned) == 1_000 // BLOCK_SAMPLES * BLOCK_SAMPLES
    assert np.allclose(cleaned, heard[: len(cleaned)], atol=1 / 32_768)


def test_the_voice_is_laid_beside_what_comes_in() -> None:
    clock, processor = Clock(), Subtracting()
    canceller = EchoCanceller(Client(), processor, clock)
    silence = np.zeros(EARS_RATE_HZ // 50, np.float32)
    for clock.now_ms in range(20, 1_020, 20):
        canceller.clean(silence)
    tone = (8_000 * np.sin(np.arange(480 * 10) / 10)).astype("<i2")
    for frame in tone.reshape(-1, 480):
        canceller.audio(SHEET, "item_1", frame.tobytes())
        clock.now_ms += 20
        canceller.clean(silence)
    far = np.concatenate(processor.far)
    loud = np.flatnonzero(far)
    assert 995 <= loud[0] * 1000 / EARS_RATE_HZ <= 1_005
    assert len(loud) > 0.9 * 200 * EARS_RATE_HZ // 1000
