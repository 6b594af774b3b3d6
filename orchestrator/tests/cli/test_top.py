"""`antiphon top` shows what a server tells, and says in one line why it cannot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from antiphon_orchestrator.cli import main, top
from antiphon_orchestrator.cli.top_numbers import Reading, oldest_within, picture, quantile, read
from antiphon_orchestrator.cli.top_picture import drawn
from antiphon_orchestrator.testing.server import serving
from rich.console import Console

INF = float("inf")
METRICS = """\
# TYPE antiphon_sessions gauge
antiphon_sessions{state="speaking"} 2.0
antiphon_sessions{state="idle"} 1.0
antiphon_sessions{state="held"} 0.0
# TYPE antiphon_session_places gauge
antiphon_session_places 100.0
# TYPE antiphon_first_audio_seconds histogram
antiphon_first_audio_seconds_bucket{le="0.1"} 10.0
antiphon_first_audio_seconds_bucket{le="0.2"} 20.0
antiphon_first_audio_seconds_bucket{le="+Inf"} 20.0
# TYPE antiphon_responses counter
antiphon_responses_total{status="completed"} 30.0
antiphon_responses_total{status="cancelled"} 4.0
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.5e+09
# TYPE process_cpu_seconds counter
process_cpu_seconds_total 12.0
"""
WORKER: dict[str, Any] = {
    "id": "box-1",
    "engine": "scripted",
    "device": "cuda:0",
    "models": {"anna": "resident", "big": "loading", "far": "remote"},
    "in_flight": 2,
    "queued": 1,
    "memory_bytes": 1 << 30,
    "first_audio_p50_ms": 41.3,
    "real_time_factor_p50": 0.08,
    "draining": False,
    "resting": False,
}
HEALTH = {"status": "ok", "missing": []}


def reading(at_s: float = 100.0, metrics: str = METRICS, **worker: Any) -> Reading:
    return read(metrics, HEALTH, [{**WORKER, **worker}], at_s)


def text_of(shown: Any, trouble: str = "") -> str:
    console = Console(width=140, color_system=None)
    with console.capture() as capture:
        console.print(drawn(shown, "http://server", trouble))
    return capture.get()


def test_all_that_is_worth_knowing_is_in_the_picture() -> None:
    text = text_of(picture(reading(), None))
    for part in (
        "3 of 100",
        "speaking",
        "since it began",
        "100 ms",
        "190 ms",
        "box-1",
        "scripted on cuda:0",
        "41 ms",
        "0.08",
    ):
        assert part in text
    assert "anna, big (loading)" in text
    assert "1.4 GiB" in text
    assert "held " in text
    assert "far" not in text


@pytest.mark.parametrize(("worker", "state"), [({"draining": True}, "ends"), ({"resting": True}, "rests"), ({}, "ok")])
def test_a_worker_that_gets_nothing_says_why(worker: dict[str, Any], state: str) -> None:
    assert f" {state} " in text_of(picture(reading(**worker), None)).split("box-1")[1]


def test_latencies_and_counts_are_those_of_the_window() -> None:
    later = METRICS.replace('le="0.2"} 20', 'le="0.2"} 30').replace('"+Inf"} 20', '"+Inf"} 30')
    later = later.replace('"completed"} 30', '"completed"} 35').replace("seconds_total 12", "seconds_total 18")
    shown = picture(reading(110.0, later), reading(100.0))
    assert shown.window_s == 10.0
    first_audio = shown.latencies["first audio"]
    assert first_audio.p50_s == pytest.approx(0.15)
    assert first_audio.count == 10
    assert shown.counts["answers"] == 5
    assert shown.cores == pytest.approx(0.6)
    assert "last 10 s" in text_of(shown)


def test_a_server_that_was_restarted_is_counted_anew() -> None:
    fresh = METRICS.replace("seconds_total 12", "seconds_total 1")
    assert picture(reading(110.0, fresh), reading(100.0)).counts["answers"] == 34


def test_without_workers_and_answers_it_says_so() -> None:
    shown = picture(read("", {"status": "starting", "missing": ["a speech worker"]}, [], 0.0), None)
    text = text_of(shown)
    assert "starting (missing: a speech worker)" in text
    assert "no speech worker" in text
    assert shown.latencies["voice to voice"].p95_s is None


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, {0.1: 10, 0.2: 20, INF: 20}, 0.1),
        (0.75, {0.1: 10, 0.2: 20, INF: 20}, 0.15),
        (0.95, {0.1: 1, INF: 20}, 0.1),
        (0.5, {0.1: 0, INF: 0}, None),
        (0.5, {}, None),
    ],
)
def test_quantiles_are_guessed_as_prometheus_does(share: float, buckets: dict[float, float], expected: Any) -> None:
    assert quantile(share, buckets) == (None if expected is None else pytest.approx(expected))


def test_a_window_begins_with_the_oldest_reading_in_it() -> None:
    readings = [reading(at_s) for at_s in (0.0, 50.0, 99.0)]
    assert oldest_within(readings, 60.0, 100.0) is readings[1]
    assert oldest_within(readings, 0.5, 100.0) is None


async def test_a_real_server_is_shown_once_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(api_keys=("secret",)) as server:
        url = f"http://127.0.0.1:{server.port}"
        assert await asyncio.to_thread(top.main, ["--server", url, "--key", "secret", "--once"]) == 0
        picture_shown = capsys.readouterr().out
        assert await asyncio.to_thread(top.main, ["--server", url, "--key", "secret", "--json"]) == 0
        printed = capsys.readouterr().out
        told = json.loads(printed[printed.index("{\n") :])  # the server logs beside it
        assert await asyncio.to_thread(main.main, ["top", "--server", url, "--once"]) == 1
    assert "0 of 100" in picture_shown
    assert "worker-1" in picture_shown
    assert told["workers"][0]["id"] == "worker-1"
    assert told["places"] == 100
    assert "API key" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["top", "--server", "http://127.0.0.1:9", "--once"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no server answers at http://127.0.0.1:9" in error


def test_trouble_on_the_way_is_shown_beside_the_last_picture() -> None:
    text = text_of(picture(reading(), None), "no server answers")
    assert "no server answers" in text
    assert "box-1" in text


@pytest.mark.parametrize("seconds", ["0", "soon", "86400"])
def test_a_pace_that_makes_no_sense_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        top.main(["--every", seconds])
    assert "--every" in capsys.readouterr().err
