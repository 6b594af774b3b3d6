"""`antiphon demo`, run for real: what is in the recording is what the events say."""

from __future__ import annotations

import asyncio
import json
import sys
import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from ears import RATE_HZ, recognised, wav, word_error_rate
from house import House
from PIL import Image

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip

LIMIT_S = 300.0
TOLERATED = 0.15
AUDIBLE = 300


@dataclass(frozen=True, slots=True)
class Demo:
    """What it left in its folder."""

    folder: Path
    told: dict[str, Any]
    interviewer: npt.NDArray[np.int16]
    machine: npt.NDArray[np.int16]
    status: int
    said: str

    def answer(self, number: int) -> bytes:
        """The machine's lane, from this answer to the next."""
        begins = [round(answer["from_ms"] * RATE_HZ / 1000) for answer in self.told["machine"]]
        begin, end = list(pairwise([*begins, len(self.machine)]))[number]
        return self.machine[begin:end].tobytes()

    @property
    def cut_ms(self) -> float:
        """When the only answer that had been heard was interrupted; one may give way before its first sound."""
        cuts = [event for event in self.told["events"] if event["type"] == "antiphon.output.interrupted"]
        (at_ms,) = (cut["at_ms"] for cut in cuts if cut["transcript"])
        return float(at_ms)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One run of the command, with the default models."""
    folder = tmp_path_factory.mktemp("demo")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon_orchestrator.cli.main", "demo", "-o", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        said, _ = await process.communicate()
    assert (folder / "demo.json").exists(), said.decode()
    with wave.open(str(folder / "demo.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, RATE_HZ)
        lanes = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    told = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    assert process.returncode is not None
    return Demo(folder, told, lanes[:, 0].copy(), lanes[:, 1].copy(), process.returncode, said.decode())


async def test_everything_that_the_demonstration_checks_is_so(demo: Demo) -> None:
    assert [check["what"] for check in demo.told["checks"] if not check["ok"]] == []
    assert demo.status == 0, demo.said


async def test_the_recording_says_what_the_events_say(demo: Demo, house: House) -> None:
    """An interrupted answer ends in the middle of a word, whose half nobody can recognise."""
    for number, answer in enumerate(demo.told["machine"]):
        heard = await asyncio.to_thread(recognised, house.url, wav(demo.answer(number)))
        slack = 1 if answer["status"] == "incomplete" else 0
        words = max(1, len(answer["text"].split()))
        assert word_error_rate(answer["text"], heard) * words <= TOLERATED * words + slack, (answer["text"], heard)


async def test_the_interviewer_says_what_the_events_say(demo: Demo, house: House) -> None:
    question = demo.told["interviewer"][0]
    begin, end = (round(question[name] * RATE_HZ / 1000) for name in ("from_ms", "to_ms"))
    heard = await asyncio.to_thread(recognised, house.url, wav(demo.interviewer[begin : end + RATE_HZ // 4].tobytes()))
    assert word_error_rate(question["text"], heard) <= TOLERATED, heard


async def test_the_hum_and_the_noise_stop_no_answer_and_the_interruption_one(demo: Demo) -> None:
    assert [answer["status"] for answer in demo.told["machine"]].count("incomplete") == 1
    interruption = demo.told["interviewer"][-1]
    assert interruption["from_ms"] < demo.cut_ms < interruption["to_ms"] + 1_000


async def test_the_machine_is_silent_from_the_interruption_to_its_next_answer(demo: Demo) -> None:
    begin, end = (round(ms * RATE_HZ / 1000) for ms in (demo.cut_ms + 100, demo.told["machine"][-1]["from_ms"]))
    assert end > begin
    assert np.abs(demo.machine[begin:end].astype(np.int32)).max(initial=0) < AUDIBLE


async def test_the_picture_is_as_wide_as_the_page_and_as_long_as_the_call(demo: Demo) -> None:
    with Image.open(demo.folder / "demo.png") as image:
        rows = -(-len(demo.machine) // (16 * RATE_HZ))
        assert image.height > rows * 150
        assert len(image.getcolors(1 << 20) or ()) > 5
