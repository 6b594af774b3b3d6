"""Calls of the page over WebRTC, on networks as they are: packets get lost, ports change, connections break."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint
from network import between
from playwright.async_api import expect
from spoken import ANSWER, LEAD_S, QUESTION, STORY, TOLERATED, Say, quiet, understood
from visit import Opener

from tests.e2e.ears import word_error_rate
from tests.e2e.house import House
from tests.e2e.mind import SEA

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WEBRTC = {"transport": "webrtc"}
GIVEN_UP_S = 60
"""A browser takes its time to say that nothing comes through any more."""


async def test_both_are_understood_though_every_tenth_packet_is_lost(visit: Opener, house: House, say: Say) -> None:
    microphone = quiet(LEAD_S) + await say(STORY) + quiet(30)
    async with visit(house.url, microphone=microphone, settings=WEBRTC) as page, between(page.page, losing=0.1) as ways:
        await page.begin()
        assert word_error_rate(STORY, await page.said("user", "done")) <= TOLERATED
        answer = await page.said("assistant", "done")
        await page.state("idle")
        await asyncio.sleep(0.5)
        heard = await understood(house, await page.heard())
        assert word_error_rate(answer, heard) <= TOLERATED, heard
        (way,) = ways
        assert way.lost > 100


async def test_a_call_goes_on_when_the_caller_s_port_changes(visit: Opener, house: House, say: Say) -> None:
    microphone = quiet(LEAD_S) + await say(STORY) + quiet(24) + await say(QUESTION) + quiet(10)
    async with visit(house.url, microphone=microphone, settings=WEBRTC) as page, between(page.page) as ways:
        await page.begin()
        await page.state("speaking")
        await asyncio.sleep(2)
        await ways[0].move()
        assert await page.said("assistant", "done") == SEA
        assert word_error_rate(ANSWER, await page.said("assistant", "done", 1)) <= TOLERATED
        await page.state("idle")
        await asyncio.sleep(0.5)
        heard = await understood(house, await page.heard())
        assert len(ways) == 1, "it is the same call"
        ends = "sailors tell long stories about it. " + ANSWER
        assert word_error_rate(ends, " ".join(heard.split()[-len(ends.split()) :])) <= TOLERATED, heard


async def test_a_broken_call_is_made_again_and_the_conversation_goes_on(
    visit: Opener, house: House, mind: ChatEndpoint
) -> None:
    async with visit(house.url, settings=WEBRTC) as page, between(page.page) as ways:
        await page.begin()
        await page.write("How many legs has a spider?")
        await page.said("assistant", "done")
        ways[0].is_cut = True
        gone = page.page.locator('#trouble[data-kind="gone"]')
        await expect(gone).to_be_visible(timeout=GIVEN_UP_S * 1000)
        await expect(gone).to_be_hidden(timeout=GIVEN_UP_S * 1000)
        assert len(ways) == 2
        await page.write("What is the capital of France?")
        assert await page.said("assistant", "done", 1) == ANSWER
        said = ["How many legs has a spider?", "A spider has eight legs.", "What is the capital of France?"]
        assert [message["content"] for message in mind.asked[-1]["messages"]][-3:] == said
