"""The openai SDK speaks, transcribes and lists, over HTTP."""

from __future__ import annotations

import pytest
import pytest_asyncio
from call import TO_SPEAK
from conftest import Call, Called
from ears import word_error_rate

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip

TOLERATED = 0.15


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def called(call: Call) -> Called:
    """One run of the client."""
    return await call("openai", "http")


async def test_speech_comes_as_a_stream_of_an_encoded_file(called: Called) -> None:
    assert called.report["notes"]["pieces"] > 1
    assert word_error_rate(TO_SPEAK, called.heard("speech")) <= TOLERATED


async def test_speech_comes_in_events(called: Called) -> None:
    assert word_error_rate(TO_SPEAK, called.heard("events")) <= TOLERATED


async def test_a_file_is_written_down(called: Called) -> None:
    assert word_error_rate(TO_SPEAK, called.report["notes"]["written"]) <= TOLERATED
    assert 2.0 < called.report["notes"]["seconds"] < 10.0


async def test_a_file_is_written_down_as_a_stream(called: Called) -> None:
    *deltas, done = called.report["notes"]["streamed"]
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert done["type"] == "transcript.text.done"
    assert "".join(event["delta"] for event in deltas) == done["text"] == called.report["notes"]["written"]


async def test_the_models_are_listed(called: Called) -> None:
    assert called.report["notes"]["models"]
