"""Events of our own, as the page uses them: where the sound is in the text, how long the way, what was played."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.virtual_time import virtually
from antiphon_orchestrator.testing.wire import Wire, wire

WORDS = "one two three four five six seven eight nine ten"
ANSWER = [f"{word} " for word in WORDS.split()]


async def answering(client: Wire) -> str:
    """Asks for the answer, and returns its item once it sounds."""
    await client.send("response.create")
    await client.until("response.output_audio.delta")
    return str(client.all("response.output_audio.delta")[0]["item_id"])


@virtually
async def test_a_ping_is_answered() -> None:
    async with wire(ScriptedLlm()) as client:
        await client.send("antiphon.ping")
        await client.until("antiphon.pong")


@virtually
async def test_where_the_audio_is_in_the_text_is_told_word_by_word() -> None:
    async with wire(ScriptedLlm(ANSWER)) as client:
        await client.send("response.create")
        await client.until("response.done")
        told = [(event["audio_ms"], event["text_chars"]) for event in client.all("antiphon.output.spoken")]
        assert told == sorted(told)
        assert len(told) >= len(ANSWER)
        assert told[-1][1] >= len(WORDS)


@virtually
async def test_a_hold_tells_since_when_the_user_speaks_and_that_it_is_silent() -> None:
    async with wire(ScriptedLlm(ANSWER * 4)) as client:
        await answering(client)
        await client.pause(400)
        heard_ms = client.session.now_ms
        await client.say("Wait, wait.")
        held = await client.until("antiphon.output.held")
        assert held["silent"] is True
        assert abs(held["audio_start_ms"] - heard_ms) < 500


@pytest.mark.parametrize("lag_ms", [0, 600])
def test_what_was_heard_is_reckoned_by_what_was_played(lag_ms: int) -> None:
    @virtually
    async def heard_words() -> None:
        async with wire(ScriptedLlm(ANSWER)) as client:
            item_id = await answering(client)
            played_ms = 0
            for _ in range(5):
                sent_ms = 20 * len(client.all("response.output_audio.delta"))
                played_ms = max(0, sent_ms - 60 - lag_ms)
                await client.send("antiphon.output.played", item_id=item_id, audio_ms=played_ms)
                await asyncio.sleep(0.2)
            await client.send("response.cancel")
            cut = await client.until("antiphon.output.interrupted")
            assert abs(cut["audio_end_ms"] - 200 - played_ms) <= 60

    heard_words()


@virtually
async def test_a_report_of_what_was_never_sent_changes_nothing() -> None:
    async with wire(ScriptedLlm(ANSWER)) as client:
        await answering(client)
        for item_id, audio_ms in (("item_unknown", 100), ("", 0)):
            await client.send("antiphon.output.played", item_id=item_id, audio_ms=audio_ms)
        await client.until("response.done")
        assert client.errors == []
