from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.errors import CannotLoad, Full, Unsupported
from antiphon_orchestrator.asr.moonshine import MoonshineAsr
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

integration = [pytest.mark.integration, pytest.mark.timeout(300)]


def hum(pitch_hz: float) -> HeardSamples:
    """ "Mm-hm" with closed lips: two bumps of a voice with little above it, the second one higher, a breath between."""
    seconds, random = 0.55, np.random.default_rng(0)
    times = np.arange(int(seconds * EARS_RATE_HZ)) / EARS_RATE_HZ
    phase = 2 * np.pi * np.cumsum(np.where(times < 0.45 * seconds, pitch_hz, 1.25 * pitch_hz)) / EARS_RATE_HZ
    voice = sum(np.sin(number * phase) / number**1.5 for number in range(1, 20))
    breath = np.exp(-(((times - 0.45 * seconds) / 0.035) ** 2))
    bumps = np.clip(np.minimum(times, seconds - times) / 0.05, 0, 1) * (1 - breath)
    room = random.normal(0, 0.0005, 4_800 + len(times) + 1_536)
    room[4_800 : 4_800 + len(times)] += 0.15 * voice * bumps + random.normal(0, 0.01, len(times)) * breath
    return room.astype(np.float32)


@pytest.fixture
def moonshine(model_folder: Callable[[str], Path]) -> Iterator[MoonshineAsr]:
    asr = MoonshineAsr(model_folder("moonshine-tiny-en"), running=1, waiting=1)
    yield asr
    asr.close()


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"encoder_model\.ort is missing; pull the model again"):
        MoonshineAsr(tmp_path)


class TestWithItsWeights:
    pytestmark = integration

    async def test_a_language_it_does_not_know_is_refused(self, moonshine: MoonshineAsr) -> None:
        with pytest.raises(Unsupported, match="moonshine does not understand 'de-AT', only: en"):
            await moonshine.transcribe(np.zeros(16_000, np.float32), language="de-AT")

    async def test_a_tone_is_no_word(self, moonshine: MoonshineAsr) -> None:
        times = np.arange(EARS_RATE_HZ) / EARS_RATE_HZ
        tone = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
        assert (await moonshine.transcribe(tone)).text == ""

    @pytest.mark.parametrize("pitch_hz", [100, 180, 220])
    async def test_a_hum_is_written_as_a_hum(self, moonshine: MoonshineAsr, pitch_hz: float) -> None:
        assert (await moonshine.transcribe(hum(pitch_hz))).text in {"Mm-hmm.", "Mm.", "Uh-huh."}

    async def test_a_loop_is_written_once(self, moonshine: MoonshineAsr) -> None:
        faint_hiss = np.random.default_rng(1).normal(0, 0.001, 10 * EARS_RATE_HZ).astype(np.float32)
        words = (await moonshine.transcribe(faint_hiss)).text.split()
        assert all(words.count(word) <= 2 for word in words)

    @pytest.mark.parametrize("heard_before_s", [1, 4, 7, 10])
    async def test_a_draft_changes_no_word(
        self, moonshine: MoonshineAsr, jfk: HeardSamples, heard_before_s: float
    ) -> None:
        alone = (await moonshine.transcribe(jfk[1:])).text
        await moonshine.transcribe(jfk[: int(heard_before_s * EARS_RATE_HZ)])
        assert (await moonshine.transcribe(jfk[: len(jfk) - 1])).text == alone
        assert (await moonshine.transcribe(jfk[: len(jfk) - 1])).text == alone

    async def test_a_wrong_draft_changes_no_word(self, moonshine: MoonshineAsr, jfk: HeardSamples) -> None:
        beginning, rest = jfk[: 3 * EARS_RATE_HZ], jfk[7 * EARS_RATE_HZ :]
        alone = (await moonshine.transcribe(np.concatenate([beginning[1:], rest]))).text
        await moonshine.transcribe(jfk)
        assert (await moonshine.transcribe(np.concatenate([beginning, rest]))).text == alone

    async def test_a_moment_is_no_word(self, moonshine: MoonshineAsr, jfk: HeardSamples) -> None:
        assert (await moonshine.transcribe(jfk[6_000:6_700])).text == ""

    async def test_a_short_word_is_no_hum(self, moonshine: MoonshineAsr, jfk: HeardSamples) -> None:
        country = jfk[int(9.9 * EARS_RATE_HZ) : int(10.6 * EARS_RATE_HZ)]
        assert "country" in (await moonshine.transcribe(country)).text

    async def test_too_many_at_once_are_refused(self, moonshine: MoonshineAsr, jfk: HeardSamples) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(moonshine.transcribe(jfk))
            await asyncio.sleep(0)
            with pytest.raises(Full, match="moonshine is busy"):
                await moonshine.transcribe(jfk)

    async def test_closing_lets_its_threads_go(self, model_folder: Callable[[str], Path], jfk: HeardSamples) -> None:
        before = set(threading.enumerate())
        asr = MoonshineAsr(model_folder("moonshine-tiny-en"))
        await asr.transcribe(jfk[:32_000])
        asr.close()
        for thread in set(threading.enumerate()) - before:
            await asyncio.to_thread(thread.join, 5)
        assert not [thread for thread in threading.enumerate() if "moonshine" in thread.name]
