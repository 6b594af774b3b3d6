"""Who speaks while we speak: the voice stops at once, and goes on or gives way by what it was."""

from __future__ import annotations

from itertools import pairwise

import pytest
from antiphon_orchestrator.session.config import Audio, AudioInput, SemanticVad, SessionConfig
from antiphon_orchestrator.session.conversation import AssistantMessage
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import Party, party
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import clock_ms, stand_still, virtually
from antiphon_orchestrator.testing.voice import COUGH, noise

COUNT = "One two three four five six seven eight nine ten. Eleven twelve thirteen fourteen fifteen sixteen."
SORRY = "Oh sorry."


async def speaking(call: Party, for_ms: int = 600) -> None:
    """Brings the party to where it has been counting for a while."""
    await call.say("Count please.")
    await call.until("response.content_part.added")
    while not call.client.frames:
        await call.pause(20)
    await call.pause(for_ms)


def answer(call: Party) -> AssistantMessage:
    return next(item for item in call.session.conversation if isinstance(item, AssistantMessage))


@virtually
async def test_an_interruption_silences_the_voice_within_a_tick_of_the_onset_being_noticed() -> None:
    async with party(ScriptedLlm([COUNT], [SORRY])) as call:
        await speaking(call)
        await call.say("Stop, what is this?")
        held_ms = call.client.when("antiphon.output.held")
        before = [at_ms for at_ms, item_id, _ in call.client.frames if item_id == answer(call).id]
        assert before[-1] - held_ms <= 20


@virtually
async def test_an_answer_that_was_interrupted_never_comes_back() -> None:
    async with party(ScriptedLlm([COUNT], [SORRY])) as call:
        await speaking(call)
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
        words = call.client.words(f"{COUNT} {SORRY}")
        assert words[-2:] == SORRY.split()
        assert words[:-2] == COUNT.split()[: len(words) - 2]
        assert call.speech.running == 0


@virtually
async def test_the_history_holds_what_was_heard_and_the_client_is_told_so() -> None:
    mind = ScriptedLlm([COUNT], [SORRY])
    async with party(mind) as call:
        await speaking(call)
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
        (cut,) = call.client.all("antiphon.output.interrupted")
        heard = cut["transcript"]
        assert COUNT.startswith(heard)
        assert 3 <= len(heard.split()) <= 5
        assert cut["audio_end_ms"] == pytest.approx(200 * len(heard.split()), abs=100)
        assert mind.asked[-1].messages[1].text == f"{heard}—"
        assert answer(call).heard == heard
        (call_done, _) = call.client.all("response.done")
        assert call_done["response"]["output"][0]["content"][0]["transcript"] == heard


@virtually
async def test_the_onset_is_told_truly_and_before_the_answer_is_told_to_be_over() -> None:
    async with party(ScriptedLlm([COUNT], [SORRY])) as call:
        await speaking(call)
        onset_ms = clock_ms()
        await call.say("Stop, what is this?")
        done = await call.until("response.done")
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        types = call.client.types()
        started = len(types) - 1 - types[::-1].index("input_audio_buffer.speech_started")
        assert started < types.index("response.done")
        event = call.client.all("input_audio_buffer.speech_started")[-1]
        assert abs(event["audio_start_ms"] - onset_ms) <= 40
        assert types.count("input_audio_buffer.speech_started") == 2


@virtually
@pytest.mark.parametrize("seconds", [1.0, 4.0])
async def test_a_hum_during_which_we_stood_still_costs_no_word_of_the_answer(seconds: float) -> None:
    async with party(ScriptedLlm([COUNT])) as call:
        await speaking(call)
        await call.say("mm-")
        stand_still(seconds)
        await call.say("hm")
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        assert list(dict.fromkeys(call.client.words(COUNT))) == COUNT.split()


@virtually
@pytest.mark.parametrize("sound", ["mm-hm", "yeah", COUGH * 6, COUGH * 25])
async def test_a_backchannel_or_a_cough_costs_no_word_of_the_answer(sound: str) -> None:
    mind = ScriptedLlm([COUNT])
    async with party(mind) as call:
        await speaking(call)
        await call.say(sound)
        done = await call.until("response.done")
        await call.pause(2_000)
        assert done["response"]["status"] == "completed"
        assert len(call.client.all("antiphon.output.held")) == len(call.client.all("antiphon.output.resumed")) == 1
        words = call.client.words(COUNT)
        twice = [index for index in range(1, len(words)) if words[index] == words[index - 1]]
        assert [word for index, word in enumerate(words) if index not in twice] == COUNT.split()
        assert len(twice) <= 1
        assert answer(call).heard == COUNT
        assert len(mind.asked) == 1
        assert len(call.client.all("input_audio_buffer.speech_started")) == 1


@virtually
async def test_noise_that_is_no_voice_holds_nothing() -> None:
    async with party(ScriptedLlm([COUNT])) as call:
        await speaking(call)
        await call.sound(noise(16_000))
        await call.until("response.done")
        assert call.client.all("antiphon.output.held") == []
        assert call.client.words(COUNT) == COUNT.split()


@virtually
async def test_the_voice_can_be_lowered_instead_of_silenced() -> None:
    async with party(ScriptedLlm([COUNT]), settings=SessionSettings(hold_mode="duck")) as call:
        await speaking(call)
        await call.say("mm-hm")
        await call.until("response.done")
        times = [at_ms for at_ms, _, _ in call.client.frames]
        assert max(later - earlier for earlier, later in pairwise(times)) <= 20


@virtually
async def test_a_false_interruption_is_made_good_by_going_on() -> None:
    """Long speech in which nothing is recognised takes the floor; when it turns out to be nothing we go on."""
    mind = ScriptedLlm([COUNT])
    slow = ScriptedSpeech()
    async with party(mind, speech=slow) as call:
        await speaking(call)
        call.asr.cost_s = 3.0
        await call.say(COUGH * 40)
        first = await call.until("response.done")
        assert first["response"]["status"] == "cancelled"
        second = await call.until("response.done", times=2)
        assert second["response"]["status"] == "completed"
        first_text = first["response"]["output"][0]["content"][0]["transcript"]
        second_text = second["response"]["output"][0]["content"][0]["transcript"]
        assert f"{first_text} {second_text}" == COUNT
        assert len(mind.asked) == 1


@virtually
async def test_yeah_is_an_answer_to_a_question_that_is_being_asked() -> None:
    mind = ScriptedLlm(["That was it. Shall I go on with the rest of the numbers now?"], ["Well then."])
    async with party(mind) as call:
        await speaking(call, for_ms=1_400)
        await call.say("Yeah.")
        await call.until("response.done", times=2)
        assert mind.asked[-1].messages[-1].text == "Yeah."


@virtually
async def test_where_the_client_forbids_it_nothing_interrupts_and_the_turn_is_answered_afterwards() -> None:
    config = SessionConfig(audio=Audio(input=AudioInput(turn_detection=SemanticVad(interrupt_response=False))))
    async with party(ScriptedLlm([COUNT], [SORRY]), config=config) as call:
        await speaking(call)
        await call.say("Stop, what is this?")
        await call.until("response.done", times=2)
        assert call.client.all("antiphon.output.held") == []
        assert call.client.words(f"{COUNT} {SORRY}") == f"{COUNT} {SORRY}".split()


@virtually
async def test_who_interrupts_before_the_first_sound_is_answered_alone() -> None:
    mind = ScriptedLlm([2.0, COUNT], [SORRY])
    async with party(mind) as call:
        await call.say("Count please.")
        await call.until("input_audio_buffer.committed")
        await call.pause(200)
        await call.say("No, wait, what is this?")
        await call.until("response.done", times=2)
        assert call.client.words(f"{COUNT} {SORRY}") == SORRY.split()
        assert mind.running == 0


@virtually
async def test_a_cough_before_the_first_sound_costs_no_answer() -> None:
    async with party(ScriptedLlm([1.0, COUNT])) as call:
        await call.say("Count please.")
        await call.until("input_audio_buffer.committed")
        await call.say(COUGH * 6)
        await call.until("response.done")
        assert call.client.words(COUNT) == COUNT.split()


@virtually
async def test_a_client_may_end_the_answer_and_the_history_is_what_was_heard() -> None:
    async with party(ScriptedLlm([COUNT])) as call:
        await speaking(call)
        call.commands.cancel_response(None)
        frames = len(call.client.frames)
        done = await call.until("response.done")
        assert done["response"]["status_details"]["reason"] == "client_cancelled"
        await call.pause(500)
        assert len(call.client.frames) == frames
        assert 1 <= len(answer(call).heard.split()) <= 4


@virtually
async def test_clearing_the_output_ends_the_answer() -> None:
    async with party(ScriptedLlm([COUNT])) as call:
        await speaking(call)
        call.commands.clear_output()
        done = await call.until("response.done")
        assert done["response"]["status"] == "cancelled"
