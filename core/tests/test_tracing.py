"""Spans arrive at a real collector as they were told; without one, or switched off, they cost and disturb nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from antiphon_core.errors import Full
from antiphon_core.spans import NO_SPAN, NO_TRACER, Tracer, current_span
from antiphon_core.testkit.collector import Collector
from antiphon_core.tracing import is_wanted, tracer_for
from structlog.testing import capture_logs

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENDPOINT, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        for name, value in collector.variables.items():
            monkeypatch.setenv(name, value)
        yield collector


def traced() -> Tracer:
    return tracer_for("the-service", {"service.instance.id": "one"}, "antiphon-core")


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def test_a_tree_arrives_as_it_was_told(collector: Collector) -> None:
    tracer = traced()
    began_ms = now_ms() - 5_000
    with tracer.begin("turn", began_ms, session="s") as turn:
        turn.child("speech", began_ms).end(at_ms=began_ms + 2_000)
        with turn.child("answer") as answer:
            answer.event("held", heard_ms=120)
            answer.set(outcome="completed")
    tracer.close()
    (root,) = collector.named("turn")
    speech, answered = collector.children(root)
    assert collector.tree(root) == ("turn", "turn/speech", "turn/answer")
    assert {span.service for span in collector.spans} == {"the-service"}
    assert root.about == {"antiphon.session": "s"}
    assert answered.about == {"antiphon.outcome": "completed"}
    assert answered.events == ["held"]
    assert (speech.start_ns, speech.end_ns - speech.start_ns) == (root.start_ns, 2_000_000_000)
    assert speech.end_ns < answered.start_ns <= answered.end_ns <= root.end_ns
    assert abs(root.end_ns - time.time_ns()) < 60e9


def test_a_span_lasts_until_its_last_child_has_ended(collector: Collector) -> None:
    tracer = traced()
    turn = tracer.begin("turn")
    answer = turn.child("answer")
    mind = answer.child("mind")
    turn.end()
    answer.end()
    assert collector.spans == []
    mind.end()
    late = turn.child("late")
    late.end()
    tracer.close()
    (root,), (child,) = collector.named("turn"), collector.named("mind")
    assert root.end_ns == child.end_ns
    assert collector.tree(root) == ("turn", "turn/answer", "turn/answer/mind", "turn/late")


def test_a_failure_is_named_by_its_condition_and_a_cancelled_stage_did_not_fail(collector: Collector) -> None:
    tracer = traced()
    with pytest.raises(Full), tracer.begin("full"):
        raise Full("no room")
    with pytest.raises(asyncio.CancelledError), tracer.begin("stopped"):
        raise asyncio.CancelledError
    tracer.close()
    (full,), (stopped,) = collector.named("full"), collector.named("stopped")
    assert full.failure == "full"
    assert stopped.failure == ""
    assert stopped.about == {"antiphon.cancelled": True}


def test_another_process_goes_on_with_the_trace(collector: Collector) -> None:
    here, there = traced(), traced()
    with here.begin("ask") as ask, there.begin("answer", headers=ask.headers()) as answer:
        assert answer.trace_id == ask.trace_id
    here.close()
    there.close()
    (root,) = collector.named("ask")
    assert collector.tree(root) == ("ask", "ask/answer")


@pytest.mark.parametrize("headers", [(), (("traceparent", "nonsense"),), (("user-agent", "grpc"),)])
def test_a_request_without_a_parent_begins_a_trace(collector: Collector, headers: tuple[tuple[str, str], ...]) -> None:
    tracer = traced()
    tracer.begin("ask", headers=headers).end()
    tracer.close()
    (root,) = collector.named("ask")
    assert root.parent_id == ""


def test_the_service_may_be_named_by_the_standard_variable(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    tracer = traced()
    tracer.begin("ask").end()
    tracer.close()
    assert collector.spans[0].service == "mine"


def test_a_collector_that_is_not_there_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    tracer = traced()
    for _ in range(5_000):
        tracer.begin("ask").end()
    began_s = time.monotonic()
    tracer.close()
    assert time.monotonic() - began_s < 15.0


def test_a_slow_collector_keeps_nobody_from_ending(collector: Collector) -> None:
    collector.delay_s = 30.0
    tracer = traced()
    tracer.begin("ask").end()
    began_s = time.monotonic()
    tracer.close()
    assert time.monotonic() - began_s < 15.0


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: "http://collector:4318"}, True),
        ({ENDPOINT: " "}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, True),
    ],
)
def test_the_standard_variables_say_whether_anything_is_traced(variables: dict[str, str], wanted: bool) -> None:
    assert is_wanted(variables) is wanted


def test_untraced_nothing_of_opentelemetry_is_imported_and_nothing_is_made() -> None:
    assert traced() is NO_TRACER
    assert NO_TRACER.begin("turn").child("answer") is NO_SPAN
    assert current_span.get() is NO_SPAN
    assert NO_SPAN.headers() == ()
    assert NO_SPAN.trace_id == ""
    program = "import sys, antiphon_core.worker.app; sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://collector:4318")
    monkeypatch.setitem(sys.modules, "antiphon_core.otel", None)
    with capture_logs() as logs:
        assert traced() is NO_TRACER
    (line,) = logs
    assert "pip install 'antiphon-core[tracing]'" in line["event"]


def test_a_protocol_that_is_not_spoken_is_told(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with capture_logs() as logs:
        traced().close()
    assert "4318" in logs[0]["event"]
