"""When no worker can speak, a recorded apology is heard and the answer goes on in text; idle workers speak ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon_core.audio import Frame
from antiphon_core.errors import WorkerGone
from antiphon_core.utterance import SynthesisEvent
from antiphon_orchestrator.playout import Playout, PlayoutSettings, Utterance
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.speech import FRAMES_PER_WORD, ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import run_virtually, virtually
from antiphon_orchestrator.utterance_line import Script

ANSWER = ["One two three. ", "Four five six. ", "Seven eight nine."]
VOCABULARY = f"{''.join(ANSWER)} sorry"
GONE = WorkerGone("no speech worker answers")


async def recorded() -> list[Frame]:
    events = ScriptedSpeech().speak("sorry", VoiceChoice(rate_hz=24_000))
    return [event async for event in events if isinstance(event, Frame)]


SORRY = run_virtually(recorded())


@virtually
async def test_a_recorded_apology_is_heard_where_the_voice_breaks_off() -> None:
    speech = ScriptedSpeech(errors=[GONE], frames_before_error=FRAMES_PER_WORD)
    async with party(ScriptedLlm(ANSWER), speech=speech, apology=lambda rate_hz: SORRY) as call:
        done = await call.ask("Count.")
        assert call.client.words(VOCABULARY) == ["One", "sorry"]
        assert done["response"]["status"] == "failed"
        assert done["response"]["output"][0]["content"][0]["transcript"] == "".join(ANSWER)


@virtually
async def test_it_is_heard_once_until_there_is_a_voice_again() -> None:
    speech = ScriptedSpeech(errors=[GONE, GONE])
    mind = ScriptedLlm(["One two."], ["One two."], ["Four five."], ["One two."])
    async with party(mind, speech=speech, apology=lambda rate_hz: SORRY) as call:
        for _ in range(3):
            await call.ask("Count.")
        assert call.client.words(VOCABULARY) == ["sorry", "Four"]
        speech.fail(GONE)
        await call.ask("Count.")
        assert call.client.words(VOCABULARY) == ["sorry", "Four", "sorry"]


@virtually
async def test_where_none_is_recorded_nothing_is_heard() -> None:
    async with party(ScriptedLlm(ANSWER), speech=ScriptedSpeech(errors=[GONE])) as call:
        await call.ask("Count.")
        assert call.client.frames == []


def test_what_broke_off_is_not_taken_for_heard_and_an_apology_is_no_text() -> None:
    playout = Playout(PlayoutSettings(rate_hz=24_000))
    text = "One two three four five six."
    for name, script, frames, broken in (("u", Script(text), 25, True), ("sorry", Script("", 0), 10, False)):
        playout.open(Utterance(name, "item", 1, script))
        for frame in (SORRY * 3)[:frames]:
            playout.push(name, frame)
        playout.close(name, broken=broken)
    playout.close_item("item")
    for now_ms in range(0, 2_000, 20):
        playout.tick(now_ms)
    heard = playout.heard("item", 2_000)
    assert heard.samples == 35 * 480
    assert 0 < heard.text_offset < len(text) // 2


class Counting(ScriptedSpeech):
    """Notes how many utterances are made at once."""

    most = 0

    async def speak(
        self, text: str, choice: VoiceChoice, *, session_id: str = "", turn_id: str = "", utterance_id: str = ""
    ) -> AsyncGenerator[SynthesisEvent, None]:
        async with aclosing(super().speak(text, choice)) as events:
            async for event in events:
                self.most = max(self.most, self.running)
                yield event


@virtually
async def test_idle_workers_make_further_sentences_meanwhile() -> None:
    speech = Counting(frame_s=0.04)  # half as fast as speech
    async with party(ScriptedLlm(ANSWER), speech=speech, idle_workers=lambda choice: 2 - speech.running) as call:
        await call.ask("Count.")
        assert call.client.words(VOCABULARY) == "".join(ANSWER).split()
        assert speech.most == 2
        assert speech.spoken == [sentence.strip() for sentence in ANSWER]


@virtually
async def test_an_interruption_ends_what_is_made_ahead() -> None:
    speech = Counting(frame_s=0.04)
    async with party(ScriptedLlm(ANSWER), speech=speech, idle_workers=lambda choice: 2) as call:
        call.write("Count.")
        asking = asyncio.create_task(call.ask("Count."))
        await call.until("antiphon.state", times=2)
        while speech.running < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        assert call.session._answers.cancel(None)
        await asking
        await asyncio.sleep(0.1)
        assert speech.running == 0
