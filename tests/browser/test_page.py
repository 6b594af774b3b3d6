"""The page with a server among scripted parts: what it shows and does, whatever happens around it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from antiphon_core.registry.base import ModelState
from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import Scripted, ScriptedFleet, Serving, serving, worker
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from playwright.async_api import expect
from visit import PHONE, Opener, Visit

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

ANSWER = "The sea covers most of our planet. It is deep and blue, and it is full of fish. Big ships cross it every day."
HOSTILE = "<img src=x onerror=alert(1)> & <b>bold</b>"
GONE = ("WebSocket connection", "Failed to load resource")
"""What Chromium itself says on the console of a server that does not answer."""


def talkative(*answers: str) -> Scripted:
    """A server whose mind gives these answers, word by word."""
    return Scripted(mind=ScriptedLlm(*[re.findall(r"\s*\S+", answer) for answer in answers or (ANSWER,)]))


class Kept(InMemory):
    """Outlives the servers of a test."""

    async def aclose(self) -> None: ...


def url_of(server: Serving) -> str:
    return f"http://127.0.0.1:{server.port}"


async def trouble(page: Visit, kind: str) -> None:
    await expect(page.page.locator(f'#trouble[data-kind="{kind}"]')).to_be_visible(timeout=20_000)


async def test_the_first_sight_is_quick_and_tells_what_to_do(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server)) as page:
        await expect(page.page.locator("#talk")).to_have_text("Start talking")
        await expect(page.page.locator("#host")).to_have_text(f"127.0.0.1:{server.port}")
        await page.shoot("welcome")


async def test_nobody_is_asked_for_the_microphone_before_the_button_is_pressed(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server), permission=False) as page:
        await asyncio.sleep(0.5)
        assert await page.page.locator("#trouble").is_hidden()


async def test_typing_needs_no_microphone_and_the_answer_is_spoken(visit: Opener) -> None:
    async with serving(talkative()) as server, visit(url_of(server), permission=False) as page:
        await page.write("Tell me about the sea.")
        assert await page.said("user", "done") == "Tell me about the sea."
        await page.state("speaking")
        await expect(page.page.locator('.said[data-role="assistant"] .coming')).not_to_be_empty()
        await page.shoot("typed")
        assert await page.said("assistant", "done") == ANSWER
        await page.state("idle")
        await asyncio.sleep(0.3)
        assert (await page.heard_loudspeaker()) > 3


async def test_answers_in_writing_make_no_sound(visit: Opener) -> None:
    async with serving(talkative()) as server, visit(url_of(server), settings={"answers": "text"}) as page:
        await page.write("Tell me.")
        assert await page.said("assistant", "done") == ANSWER
        assert await page.heard_loudspeaker() == 0


async def test_the_answer_can_be_stopped_by_button_key_and_typing(visit: Opener) -> None:
    async with serving(talkative(ANSWER, ANSWER, ANSWER, "Very well.")) as server, visit(url_of(server)) as page:
        await page.begin()
        for number, by_key in enumerate((False, True)):
            await page.write("Tell me.")
            await page.state("speaking")
            await asyncio.sleep(0.6)
            await page.page.locator("#stage").focus()
            await (page.page.keyboard.press("Escape") if by_key else page.page.click("#hush"))
            assert await page.said("assistant", "cut", number) == ANSWER
            await page.state("idle")
        await page.write("Tell me.")
        await page.state("speaking")
        await page.write("No, wait.")
        assert await page.said("assistant", "done") == "Very well."
        heard = [item["heard"] for item in (await page.told())["items"] if item["state"] == "cut"]
        assert len(heard) == 3
        assert max(heard) < len(ANSWER)


async def test_the_server_is_told_what_was_heard_of_an_answer_that_was_cut(visit: Opener) -> None:
    scripted = talkative(ANSWER, "Yes.")
    async with serving(scripted) as server, visit(url_of(server)) as page:
        await page.begin()
        await page.write("Tell me.")
        await page.state("speaking")
        await asyncio.sleep(1)
        await page.page.click("#hush")
        await page.said("assistant", "cut")
        kept = await page.page.locator('.said[data-state="cut"] .heard').inner_text()
        await page.write("Go on.")
        await page.said("assistant", "done")
        assert isinstance(scripted.mind, ScriptedLlm)
        assert kept.strip() in [message.text.rstrip("—") for message in scripted.mind.asked[-1].messages]


async def test_texts_are_never_markup(visit: Opener) -> None:
    async with serving(talkative(HOSTILE)) as server, visit(url_of(server), settings={"answers": "text"}) as page:
        await page.write(HOSTILE)
        assert await page.said("user", "done") == HOSTILE
        assert await page.said("assistant", "done") == HOSTILE
        assert await page.page.locator(".words img, .words b").count() == 0


async def test_a_voice_can_be_changed_in_the_middle_of_a_conversation(visit: Opener) -> None:
    speech = ScriptedSpeech()
    scripted = talkative("One.", "Two.")
    scripted.speech = speech
    async with serving(scripted) as server, visit(url_of(server)) as page:
        await page.begin()
        await page.write("First.")
        await page.said("assistant", "done")
        await page.page.click("#open-settings")
        await page.page.get_by_role("radio", name="scripted/two").check()
        await page.shoot("settings")
        await page.page.get_by_role("button", name="Done").click()
        await expect(page.page.locator("#voice-chip")).to_have_text("scripted/two")
        await page.write("Second.")
        await page.said("assistant", "done", 1)
        assert [choice.voice for choice in speech.choices] == ["", "scripted/two"]


async def test_a_voice_that_is_fetched_shows_how_far(visit: Opener) -> None:
    fleet = ScriptedFleet(worker(state=ModelState.LOADING, fetched_percent=40))
    async with serving(Scripted(fleet=fleet)) as server, visit(url_of(server)) as page:
        await page.page.click("#open-settings")
        voice = page.page.locator(".voice", has_text="scripted/two")
        await expect(voice.locator(".nearness")).to_have_text("fetched 40 %")
        await expect(voice.get_by_role("progressbar")).to_have_js_property("value", 40)
        await page.shoot("fetching")
        fleet.become(worker(state=ModelState.LOADING))
        await expect(voice.locator(".nearness")).to_have_text("loading …")
        await expect(voice.get_by_role("progressbar")).to_have_js_property("position", -1)
        fleet.become(worker())
        await expect(voice.locator(".nearness")).to_have_text("loaded")


async def test_what_was_chosen_is_remembered_and_sent(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server)) as page:
        await page.page.click("#open-settings")
        await page.page.fill("#instructions", "Be brief.")
        await page.page.select_option("#detection", "server_vad")
        await page.page.locator("#silenceMs").fill("800")
        await page.page.get_by_role("button", name="Done").click()
        await page.page.reload()
        await page.begin()
        updated = [event for event in (await page.told())["events"] if event["type"] == "session.updated"]
        session = updated[-1]["session"]
        assert session["instructions"] == "Be brief."
        assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 800


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_a_server_that_comes_back_finds_the_page_and_the_conversation(visit: Opener, transport: str) -> None:
    first, second = talkative("My name is Ann."), talkative("Ann, as I said.")
    async with serving(first) as server:
        port = server.port
        opened = visit(url_of(server), tolerated=GONE, settings={"transport": transport})
        page = await opened.__aenter__()
        await page.begin()
        await page.write("Who are you?")
        await page.said("assistant", "done")
    await trouble(page, "gone")
    await page.shoot("gone")
    async with serving(second, port=port):
        await expect(page.page.locator("#trouble")).to_be_hidden(timeout=20_000)
        await page.write("Once more?")
        assert await page.said("assistant", "done", 1) == "Ann, as I said."
        assert isinstance(second.mind, ScriptedLlm)
        told = [message.text for message in second.mind.asked[-1].messages]
        assert told[-3:] == ["Who are you?", "My name is Ann.", "Once more?"]
        assert [text for _, _, text in await page.captions()] == [*told[-3:], "Ann, as I said."]
        await opened.__aexit__(None, None, None)


@pytest.mark.parametrize("is_kept", [True, False], ids=["resumed", "expired"])
async def test_a_conversation_that_was_kept_is_resumed_and_one_that_has_expired_is_told_anew(
    visit: Opener, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    keep, first, second = Kept(), talkative("My name is Ann."), talkative("Ann, as I said.")
    monkeypatch.setattr("antiphon_orchestrator.app.keep_for", lambda _: keep if is_kept else Kept())
    async with serving(first, resume_s=60) as server:
        port = server.port
        opened = visit(url_of(server), tolerated=GONE)
        page = await opened.__aenter__()
        await page.begin()
        await page.write("Who are you?")
        await page.said("assistant", "done")
        (session,) = server.server.conversations._sessions
        server.server.conversations.end()
    async with serving(second, port=port, resume_s=60) as server:
        await expect(page.page.locator("#trouble")).to_be_hidden(timeout=20_000)
        await page.write("Once more?")
        assert await page.said("assistant", "done", 1) == "Ann, as I said."
        assert isinstance(second.mind, ScriptedLlm)
        told = [message.text for message in second.mind.asked[-1].messages if message.role != "system"]
        assert told == ["Who are you?", "My name is Ann.", "Once more?"]
        (resumed,) = server.server.conversations._sessions
        assert (resumed.conversation.id == session.conversation.id) is is_kept
        await opened.__aexit__(None, None, None)


async def test_a_refused_microphone_is_explained_and_typing_goes_on(visit: Opener) -> None:
    async with serving(talkative("Yes.")) as server, visit(url_of(server), permission=False) as page:
        await page.page.click("#talk")
        await trouble(page, "microphone-refused")
        await page.shoot("microphone-refused")
        await page.write("Can you read me?")
        assert await page.said("assistant", "done") == "Yes."


async def test_a_machine_without_a_microphone_is_told_so(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server), device=False) as page:
        await page.page.click("#talk")
        await trouble(page, "no-microphone")
        await page.shoot("no-microphone")


async def test_a_key_is_asked_for_checked_and_remembered(visit: Opener) -> None:
    refusals = (*GONE, "401")
    closed = serving(talkative("Yes."), api_keys=("secret",))
    async with closed as server, visit(url_of(server), tolerated=refusals) as page:
        await page.page.click("#talk")
        await trouble(page, "key")
        await page.shoot("key")
        await page.page.fill("#key", "guess")
        await page.page.press("#key", "Enter")
        await trouble(page, "wrong-key")
        await page.page.fill("#key", "secret")
        await page.page.press("#key", "Enter")
        await page.state("idle")
        await page.page.reload()
        await page.begin()
        await page.write("Am I in?")
        assert await page.said("assistant", "done") == "Yes."


async def test_a_full_server_is_named_and_tried_again(visit: Opener) -> None:
    async with serving(max_sessions=1) as server, visit(url_of(server), tolerated=(*GONE, "429")) as page:
        async with server.call():
            await page.page.click("#talk")
            await trouble(page, "full")
            await page.shoot("full")
        await page.state("idle")


async def test_the_end_ends_it_and_the_button_begins_anew(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server)) as page:
        await page.begin()
        await page.page.click("#talk")
        await page.state("closed")
        await asyncio.sleep(0.3)
        assert not len(server.server.conversations)
        await page.shoot("ended")
        await page.begin()


async def test_muted_it_hears_silence(visit: Opener) -> None:
    loud = (bytes([0, 64]) * 24_000) * 8
    async with serving() as server, visit(url_of(server), microphone=loud) as page:
        await page.begin()
        await page.page.keyboard.press("m")
        await expect(page.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await page.shoot("muted")


async def test_push_to_talk_sends_while_the_space_bar_is_held(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server), settings={"detection": "push"}) as page:
        await page.begin()
        await expect(page.page.locator("#talk")).to_have_text("Hold to talk")
        await page.page.locator("#stage").focus()
        await page.page.keyboard.down("Space")
        await expect(page.page.locator("#talk")).to_have_text("Let go to send")
        await page.shoot("push-to-talk")
        await asyncio.sleep(0.5)
        await page.page.keyboard.up("Space")
        await asyncio.sleep(0.5)
        assert "input_audio_buffer.committed" in [event["type"] for event in (await page.told())["events"]]
        await page.page.click("#hang-up")
        await page.state("closed")


async def test_everything_can_be_reached_and_named_without_a_mouse(visit: Opener) -> None:
    async with serving() as server, visit(url_of(server)) as page:
        reached = set()
        for _ in range(12):
            await page.page.keyboard.press("Tab")
            reached.add(await page.page.evaluate("document.activeElement.id"))
        assert {"open-settings", "talk", "text"} <= reached
        unnamed = await page.page.evaluate(
            """[...document.querySelectorAll("button:not([hidden]), input, select, textarea, canvas")]
               .filter((one) => !(one.labels?.length || one.innerText?.trim() || one.textContent.trim()
                 || one.ariaLabel)).map((one) => one.outerHTML)"""
        )
        assert unnamed == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_phone_shows_it_all_without_scrolling_sideways(visit: Opener, dark: bool) -> None:
    async with serving(talkative()) as server, visit(url_of(server), viewport=PHONE, dark=dark) as page:
        name = f"phone-{'dark' if dark else 'light'}"
        await page.shoot(f"{name}-welcome")
        await page.write("Tell me about the sea.")
        await page.state("speaking")
        await asyncio.sleep(1.5)
        await page.shoot(name)
        await page.page.click("#open-settings")
        await asyncio.sleep(0.3)
        await page.shoot(f"{name}-settings")
        await page.page.get_by_role("button", name="Done").click()
        sizes: Any = await page.page.evaluate(
            """[document.documentElement.scrollWidth, innerWidth,
                document.querySelector("#talk").getBoundingClientRect().bottom, innerHeight]"""
        )
        assert sizes[0] <= sizes[1]
        assert sizes[2] <= sizes[3]
