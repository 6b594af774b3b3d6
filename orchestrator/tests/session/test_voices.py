"""How answers sound: which voice, how fast, at which rate, and when that may change."""

from __future__ import annotations

import pytest
from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.session.config import Audio, AudioOutput, Pcmu, SessionConfig
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.party import party
from antiphon_orchestrator.testing.virtual_time import virtually
from antiphon_orchestrator.turn.floor import State

COUNT = "One two three four five six seven eight nine ten."


def output(**fields: object) -> dict[str, object]:
    return {"audio": {"output": fields}}


@virtually
async def test_the_voice_may_change_in_the_middle_of_a_conversation() -> None:
    async with party(ScriptedLlm()) as call:
        await call.ask("Hello.")
        call.commands.update(output(voice="scripted/two", speed=1.25))
        await call.ask("Hello.")
        await call.ask("Hello.", Wish(voice="scripted/one"))
        assert [(choice.voice, choice.speed) for choice in call.speech.choices] == [
            ("", 1.0),
            ("scripted/two", 1.25),
            ("scripted/one", 1.25),
        ]


@virtually
async def test_an_answer_under_way_keeps_its_voice() -> None:
    async with party(ScriptedLlm([COUNT, 0.5, " And eleven."])) as call:
        call.write("Count.")
        call.commands.create_response(Wish())
        await call.until("response.content_part.added")
        call.commands.update(output(voice="scripted/two"))
        await call.until("response.done")
        assert {choice.voice for choice in call.speech.choices} == {""}


@virtually
async def test_an_unknown_voice_is_refused_with_those_there_are_and_changes_nothing() -> None:
    async with party(ScriptedLlm()) as call:
        with pytest.raises(Refusal, match="'scripted/one', 'scripted/two'"):
            call.commands.update(output(voice="nobody"))
        with pytest.raises(Refusal, match="'scripted/one'"):
            call.commands.create_response(Wish(voice="nobody"))
        assert call.session.config.audio.output.voice_name == ""
        assert call.session.state is State.IDLE


@virtually
async def test_a_voice_that_nobody_has_yet_may_be_chosen_where_another_may_stand_in_for_it() -> None:
    settings = SessionSettings(fallbacks={"later": "scripted", "never": "nobody"})
    async with party(ScriptedLlm(), settings=settings) as call:
        call.commands.update(output(voice="later/anna"))
        await call.ask("Hello.")
        assert [choice.voice for choice in call.speech.choices] == ["later/anna"]
        with pytest.raises(Refusal, match="'scripted/one'"):
            call.commands.update(output(voice="never"))


@virtually
async def test_habitual_names_mean_the_deployments_own_voice() -> None:
    settings = SessionSettings(voice="scripted/two", aliases=Aliases())
    async with party(ScriptedLlm(), settings=settings) as call:
        call.commands.update(output(voice="marin"))
        await call.ask("Hello.")
        call.commands.update(output(voice="scripted"))
        await call.ask("Hello.")
        assert [choice.voice for choice in call.speech.choices] == ["scripted/two", "scripted"]


@virtually
async def test_any_voice_may_be_asked_for_while_no_worker_is_known() -> None:
    async with party(ScriptedLlm(), voices=()) as call:
        call.commands.update(output(voice="somebody/new"))
        assert call.session.config.audio.output.voice_name == "somebody/new"


@virtually
async def test_audio_comes_at_the_rate_of_the_clients_format() -> None:
    config = SessionConfig(audio=Audio(output=AudioOutput(format=Pcmu())))
    async with party(ScriptedLlm([COUNT]), config=config) as call:
        await call.ask("Count.")
        assert {len(pcm) for _, _, pcm in call.client.frames} == {8_000 // 50 * 2}
        assert call.client.words(COUNT) == COUNT.split()


@virtually
async def test_the_format_may_change_between_answers_and_not_during_one() -> None:
    async with party(ScriptedLlm([COUNT], [COUNT])) as call:
        call.write("Count.")
        call.commands.create_response(Wish())
        await call.pause(300)
        with pytest.raises(Refusal) as refused:
            call.commands.update(output(format={"type": "audio/pcma"}, speed=2.0))
        assert refused.value.param == "session.audio.output.format"
        assert call.session.config.audio.output.speed == 1.0
        await call.until("response.done")
        call.commands.update(output(format={"type": "audio/pcma"}))
        await call.ask("Again.")
        assert {len(pcm) for _, _, pcm in call.client.frames} == {960, 320}


@virtually
async def test_an_answer_prepared_on_trial_is_made_anew_in_the_format_that_counts() -> None:
    mind = ScriptedLlm([COUNT], [COUNT])
    async with party(mind) as call:
        await call.say("Count on")
        await call.pause(500)
        assert call.speech.spoken
        call.commands.update(output(format={"type": "audio/pcmu"}))
        done = await call.until("response.done")
        assert done["response"]["status"] == "completed"
        assert {len(pcm) for _, _, pcm in call.client.frames} == {320}
        assert call.client.words(COUNT) == COUNT.split()


@virtually
async def test_what_is_not_read_aloud_is_told_in_text_alone() -> None:
    async with party(ScriptedLlm(["Here: ", "**bold** and `code`. ", "😀"])) as call:
        done = await call.ask("Hello.")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Here: **bold** and `code`. 😀"
        assert "*" not in "".join(call.speech.spoken)
        assert done["response"]["status"] == "completed"


@virtually
async def test_an_answer_with_nothing_to_say_is_complete_at_once() -> None:
    async with party(ScriptedLlm([])) as call:
        done = await call.ask("Hello.")
        assert done["response"]["status"] == "completed"
        assert done["response"]["output"] == []
