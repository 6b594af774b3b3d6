"""Clients that others wrote hold a call: by voice and in writing, with a function, and with an interruption.

What was heard is checked by the tests' own ears, what was sent on the line, what was remembered at the mind.
"""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from call import INSTRUCTIONS, LINES, TO_SPEAK, TYPED
from conftest import Call, Called
from ears import word_error_rate, words_of
from mind import SEA

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip

CLIENTS = ("openai", "agents", "pipecat", "livekit")
TOLERATED = 0.15
"""Of the words, so many may be misheard."""
STOPS_WITHIN_S = 3.0
"""An answer that takes twenty seconds is silent so long after it began: heard for one, interrupted by a sentence."""


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=CLIENTS)
async def called(request: pytest.FixtureRequest, call: Call) -> Called:
    """The whole call; each test looks at one side of it."""
    return await call(request.param)


async def test_every_server_event_is_one_the_protocol_knows(called: Called) -> None:
    assert called.tap.told("session.created")
    assert called.tap.faults == []


async def test_nothing_is_refused_but_what_came_too_late(called: Called) -> None:
    """LiveKit cancels an answer that the server has stopped already; that is so with every server."""
    codes = {event["error"]["code"] for event in called.tap.told("error")}
    assert codes <= ({"response_cancel_not_active"} if called.name == "livekit" else set())
    assert called.report["errors"] == []


async def test_the_users_words_are_told(called: Called) -> None:
    told = called.tap.told("conversation.item.input_audio_transcription.completed")
    said = [event["transcript"] for event in told]
    assert [word_error_rate(line, text) <= TOLERATED for line, text in zip(LINES.values(), said, strict=True)], said


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("question", "The capital of France is Paris."),
        ("errand", "In London it is cloudy today."),
        ("interruption", "The grass is green."),
    ],
)
async def test_answers_are_heard_whole(called: Called, asked: str, answer: str) -> None:
    heard = called.heard(asked)
    assert word_error_rate(answer, heard) <= TOLERATED, heard


async def test_a_function_of_the_client_is_called_and_its_result_used(called: Called) -> None:
    assert len(called.report["tool_calls"]) == 1
    results = [message for message in called.asked[-1]["messages"] if message["role"] == "tool"]
    assert ["cloudy" in message["content"] for message in results] == [True]


async def test_what_is_typed_is_answered(called: Called) -> None:
    assert "A spider has eight legs." in _said_by(called, "assistant")
    assert TYPED in _said_by(called, "user")


async def test_the_clients_instructions_count(called: Called) -> None:
    assert [message["content"] for message in called.asked[-1]["messages"] if message["role"] == "system"] == [
        INSTRUCTIONS
    ]


async def test_an_interruption_stops_the_answer(called: Called) -> None:
    assert 0.5 <= called.seconds("topic") <= STOPS_WITHIN_S
    assert _interrupted(called)["status_details"]["reason"] == "turn_detected"


async def test_the_client_tells_how_much_it_played(called: Called) -> None:
    (truncate,) = called.tap.sent("conversation.item.truncate")
    (truncated,) = called.tap.told("conversation.item.truncated")
    assert truncate["item_id"] == _interrupted(called)["output"][0]["id"]
    assert truncated["audio_end_ms"] == truncate["audio_end_ms"]
    assert abs(truncate["audio_end_ms"] - called.seconds("topic") * 1000) <= 400


async def test_the_history_holds_what_was_heard_and_no_more(called: Called) -> None:
    (remembered,) = (text for text in _said_by(called, "assistant") if text.startswith("The sea"))
    words = words_of(remembered)
    assert words_of(SEA)[: len(words)] == words
    assert 1 <= len(words) <= len(words_of(called.heard("topic"))) + 1


@pytest.mark.parametrize("called", ["pipecat", "livekit"], indirect=True)
async def test_its_speech_service_is_heard_whole(called: Called) -> None:
    heard = called.heard("speech")
    assert word_error_rate(TO_SPEAK, heard) <= TOLERATED, heard


async def test_the_clients_own_history_is_that_of_the_call(called: Called) -> None:
    """Each keeps it in its own way, from the events; Pipecat and LiveKit keep an interrupted answer whole."""
    history = [(role, words_of(text)) for role, text in called.report["history"]]
    for answer in ("The capital of France is Paris.", "In London it is cloudy today.", "The grass is green."):
        assert history.count(("assistant", words_of(answer))) == 1
    questions = [words for role, words in history if role == "user" and words != words_of(TYPED)]
    assert [len(words) for words in questions] == [len(words_of(line)) for line in LINES.values()]


async def test_nothing_of_a_call_stays_behind(called: Called) -> None:
    assert called.sessions_left == 0


def _said_by(called: Called, role: str) -> list[str]:
    """What the mind was told last of the conversation."""
    return [str(message["content"]) for message in called.asked[-1]["messages"] if message["role"] == role]


def _interrupted(called: Called) -> dict[str, Any]:
    """The only answer that did not come to its end."""
    (cut,) = (
        done["response"] for done in called.tap.told("response.done") if done["response"]["status"] != "completed"
    )
    return dict(cut)
