"""Talking to the page: a microphone speaks, and what the page shows and plays is checked by the tests' own ears."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from antiphon_orchestrator.cli.sounds import cough, typing
from spoken import ANSWER, LEAD_S, QUESTION, STORY, TOLERATED, Say, quiet, understood
from visit import Opener, Samples

from tests.e2e.ears import RATE_HZ, recognised, wav, word_error_rate
from tests.e2e.house import House
from tests.e2e.mind import SEA

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

INTERRUPTION = "Wait, stop, I want to know what color the grass is."
AUDIBLE = 300


def sounding(samples: Samples, rate_hz: int) -> list[tuple[float, float]]:
    """Stretches of sound in seconds; pauses under half a second do not part them."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > rate_hz // 2)
    begins, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, len(loud) - 1]]
    return [(float(begin) / rate_hz, float(end) / rate_hz) for begin, end in zip(begins, ends, strict=True)]


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_a_spoken_question_is_written_down_and_its_answer_heard(
    visit: Opener, house: House, say: Say, transport: str
) -> None:
    microphone = quiet(LEAD_S) + await say(QUESTION) + quiet(10)
    async with visit(house.url, microphone=microphone, settings={"transport": transport}) as page:
        await page.begin()
        await page.state("listening")
        await page.shoot(f"listening-{transport}")
        assert word_error_rate(QUESTION, await page.said("user", "done")) <= TOLERATED
        await page.state("speaking")
        await asyncio.sleep(0.8)
        await page.shoot(f"speaking-{transport}")
        assert word_error_rate(ANSWER, await page.said("assistant", "done")) <= TOLERATED
        await page.state("idle")
        await asyncio.sleep(0.5)
        heard = await understood(house, await page.heard())
        assert word_error_rate(ANSWER, heard) <= TOLERATED, heard
        assert int((await page.figure("answer")).split()[0]) < 3_000
        await page.shoot(f"answered-{transport}")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_another_microphone_can_be_chosen_in_mid_call(
    visit: Opener, house: House, say: Say, transport: str
) -> None:
    """Each of the browser's microphones says the same, from when it is opened."""
    microphone = quiet(8) + await say(QUESTION) + quiet(10)
    async with visit(house.url, microphone=microphone, settings={"transport": transport}) as page:
        await page.begin()
        await page.page.click("#open-settings")
        await page.page.select_option("#microphone", label="Fake Audio Input 2")
        await page.page.get_by_role("button", name="Done").click()
        assert word_error_rate(QUESTION, await page.said("user", "done")) <= TOLERATED
        assert await page.said("assistant", "done") == ANSWER


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_a_spoken_interruption_stops_the_answer_and_the_rest_is_struck_out(
    visit: Opener, house: House, say: Say, transport: str
) -> None:
    lead = quiet(LEAD_S) + await say(STORY) + quiet(4)
    microphone = lead + await say(INTERRUPTION) + quiet(8)
    async with visit(house.url, microphone=microphone, settings={"transport": transport}) as page:
        await page.begin()
        await page.state("speaking")
        assert SEA.startswith((await page.said("assistant", "cut"))[:40])
        await page.shoot(f"interrupted-{transport}")
        row = page.page.locator('.said[data-state="cut"]')
        struck = await row.locator(".coming").inner_text()
        kept = await row.locator(".heard").inner_text()
        assert kept
        assert struck.strip()
        await page.said("assistant", "done")
        await page.shoot(f"went-on-{transport}")
        heard = await page.heard()
        onset_s, end_s = sounding(heard.microphone, heard.rate_hz)[1]
        cut_s = next(end for begin, end in sounding(heard.loudspeaker, heard.rate_hz) if begin < onset_s < end + 0.5)
        assert cut_s < end_s, "it was silent before the interruption was over"
        told = await page.told()
        interrupted = next(event for event in told["events"] if event["type"] == "antiphon.output.interrupted")
        assert told["cuts"][0]["at"] < interrupted["at_ms"], "silent since the hold"
        assert await page.figure("stop") == f"{round(told['cuts'][0]['at'] - told['cuts'][0]['from'])} ms"


async def test_a_cough_and_a_keyboard_stop_nothing(visit: Opener, house: House, say: Say) -> None:
    noises = np.concatenate((cough(RATE_HZ), np.zeros(RATE_HZ, np.int16), typing(RATE_HZ, 1.0))).astype("<i2")
    microphone = quiet(LEAD_S) + await say(STORY) + quiet(4) + noises.tobytes() + quiet(20)
    async with visit(house.url, microphone=microphone) as page:
        await page.begin()
        text = await page.said("assistant", "done")
        assert word_error_rate(SEA, text) == 0
        heard = await understood(house, await page.heard())
        assert word_error_rate(SEA, heard) <= TOLERATED, heard


async def test_the_conversation_can_be_downloaded_and_the_file_says_what_was_said(
    visit: Opener, house: House, say: Say
) -> None:
    microphone = quiet(LEAD_S) + await say(QUESTION) + quiet(10)
    async with visit(house.url, microphone=microphone) as page:
        await page.begin()
        await page.said("assistant", "done")
        await page.state("idle")
        saved = await page.downloads()
        sound = next(content for name, content in saved.items() if name.endswith(".wav"))
        lanes = np.frombuffer(sound[44:], "<i2").reshape(-1, 2)
        for lane, text in ((0, QUESTION), (1, ANSWER)):
            heard = await asyncio.to_thread(recognised, house.url, wav(lanes[:, lane].tobytes()))
            assert word_error_rate(text, heard) <= TOLERATED, heard
