"""Whole turns on real models, through real workers, arrive at a real collector as one trace each."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from antiphon_core.testkit.collector import Collector, Received
from watched_site import Site, ask, site, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SENT_S = 20.0
ANOTHER_PROCESS_NS = 50_000_000
"""A worker's span may end so much later than the call that it belongs to."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector, pytest.MonkeyPatch.context() as patch:
        for name, value in collector.variables.items():
            patch.setenv(name, value)
        yield collector


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(collector: Collector) -> AsyncIterator[Site]:
    async with site() as house:
        yield house


async def root_of(collector: Collector, since_ns: int, **about: object) -> Received:
    """The turn since then about which this is said, once it has arrived."""
    wanted = {f"antiphon.{name}": value for name, value in about.items()}.items()
    deadline_s = time.monotonic() + SENT_S
    while time.monotonic() < deadline_s:
        for span in reversed(collector.named("answer")):
            roots = [
                root for root in collector.named("turn") if root.span_id == span.parent_id and root.start_ns > since_ns
            ]
            if wanted <= span.about.items() and roots:
                await asyncio.sleep(0.5)  # what the workers send comes from other processes
                return roots[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"no answer of which {about} is said; there came {[span.name for span in collector.spans]}")


def the(collector: Collector, parent: Received, name: str) -> Received:
    return next(child for child in collector.children(parent) if child.name == name)


def check_nested(collector: Collector, span: Received) -> None:
    """No stage begins before, or ends after, the one that it is a part of."""
    for child in collector.children(span):
        slack_ns = ANOTHER_PROCESS_NS if child.service != span.service else 0
        assert span.start_ns - slack_ns <= child.start_ns, f"{child.name} begins before {span.name}"
        assert child.end_ns <= span.end_ns + slack_ns, f"{child.name} ends after {span.name}"
        check_nested(collector, child)


async def test_a_turn_is_one_trace_from_the_first_sound_to_the_last(house: Site, collector: Collector) -> None:
    since_ns = time.time_ns()
    async with house.call() as call:
        await ask(call, house.question)
    turn = await root_of(collector, since_ns, outcome="completed")
    trace = collector.trace(turn.trace_id)
    assert {span.service for span in trace} == {"antiphon-orchestrator", "antiphon-worker"}
    check_nested(collector, turn)
    speech, end_of_turn = the(collector, turn, "speech"), the(collector, turn, "end_of_turn")
    assert {"turn_detector", "recognition"} <= {span.name for span in collector.children(turn)}
    assert speech.start_ns == turn.start_ns
    assert speech.end_ns == end_of_turn.start_ns
    assert 1.0 < (speech.end_ns - speech.start_ns) / 1e9 < 6.0
    answer = [span for span in collector.children(turn) if span.name == "answer"][-1]
    first_token = the(collector, the(collector, answer, "mind"), "first_token")
    first_audio, playout = the(collector, answer, "first_audio"), the(collector, answer, "playout")
    utterances = [span for span in collector.children(answer) if span.name == "utterance"]
    worker = the(collector, utterances[0], "worker")
    synthesize = the(collector, worker, "synthesize")
    stages = [
        speech.start_ns,
        first_token.end_ns,
        the(collector, utterances[0], "routing").end_ns,
        worker.start_ns,
        synthesize.start_ns,
        the(collector, the(collector, synthesize, "synthesis"), "first_chunk").end_ns,
        first_audio.end_ns,
        playout.end_ns,
    ]
    assert stages == sorted(stages)
    assert [span.name for span in collector.children(synthesize)] == ["queue", "load", "synthesis"]
    assert end_of_turn.end_ns <= first_audio.end_ns <= playout.start_ns
    assert (playout.end_ns - playout.start_ns) / 1e9 > 3.0
    assert synthesize.about["antiphon.worker"] == worker.about["antiphon.worker"]
    assert "friends" not in str([(span.about, span.events) for span in trace])


async def test_an_interruption_is_seen_in_the_turn_that_it_cut_short(house: Site, collector: Collector) -> None:
    since_ns = time.time_ns()
    async with house.call() as call:
        await call.speak(house.question)
        await until(call, "response.output_audio.delta", 50)
        await call.speak(house.question)
        await until(call, "response.done", 2)
    turn = await root_of(collector, since_ns, outcome="cancelled")
    check_nested(collector, turn)
    answer = next(s for s in collector.children(turn) if s.about.get("antiphon.outcome") == "cancelled")
    assert the(collector, answer, "playout").events[-1] == "interrupted"
    assert (await root_of(collector, since_ns, outcome="completed")).span_id != turn.span_id


async def test_a_speech_request_goes_on_with_the_trace_of_whoever_asked(house: Site, collector: Collector) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    body = {"input": "Good morning.", "voice": "tone", "response_format": "pcm"}
    async with httpx.AsyncClient(timeout=30.0) as client:
        (await client.post(f"{house.url}/v1/audio/speech", json=body, headers=headers)).raise_for_status()
    deadline_s = time.monotonic() + SENT_S
    while not collector.named("speech") or "synthesis" not in {s.name for s in collector.trace(trace_id)}:
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    (speech,) = (span for span in collector.trace(trace_id) if span.name == "speech")
    assert speech.parent_id == span_id
    check_nested(collector, speech)
    assert {"speech/first_audio", "speech/utterance/routing", "speech/utterance/worker/synthesize/synthesis"} <= set(
        collector.tree(speech)
    )


async def test_a_worker_that_dies_is_seen_beside_the_one_that_went_on(house: Site, collector: Collector) -> None:
    since_ns = time.time_ns()
    async with house.call() as call:
        await call.speak(house.question)
        await until(call, "response.output_audio.delta", 30)
        busy = max(house.voices, key=lambda one: _in_flight(one.metrics_port))
        busy.process.send(signal.SIGKILL)
        await until(call, "response.done")
    turn = await root_of(collector, since_ns, outcome="completed")
    check_nested(collector, turn)
    answer = next(s for s in collector.children(turn) if s.about.get("antiphon.outcome") == "completed")
    utterances = [span for span in collector.children(answer) if span.name == "utterance"]
    taken = [[s for s in collector.children(one) if s.name == "worker"] for one in utterances]
    (first, second) = next(workers for workers in taken if len(workers) > 1)
    assert first.failure == "worker_gone"
    assert second.failure == ""
    assert first.about["antiphon.worker"] != second.about["antiphon.worker"]
    assert second.about["antiphon.text_offset"] > 0  # type: ignore[operator]
    assert "synthesize" in {span.name for span in collector.children(second)}


def _in_flight(port: int) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("antiphon_worker_in_flight "))
