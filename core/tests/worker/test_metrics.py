from __future__ import annotations

import json
import subprocess
import sys

from antiphon_core.errors import UnknownVoice, condition
from antiphon_core.worker.metrics import Metrics
from antiphon_core.worker.report import Report

SPOKEN = Report(
    model="m", rate_hz=48_000, samples=96_000, first_audio_ms=30, synth_ms=500, queue_ms=2, outcome="complete"
)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"antiphon_worker_{name}", labels)


def test_an_utterance_is_counted_by_model_and_outcome() -> None:
    metrics = Metrics()
    metrics.utterance_ended(SPOKEN)
    metrics.utterance_ended(Report(model="m", outcome="unknown_voice"))
    assert value(metrics, "utterances_total", model="m", outcome="complete") == 1
    assert value(metrics, "utterances_total", model="m", outcome="unknown_voice") == 1
    assert value(metrics, "audio_seconds_total", model="m") == 2
    assert value(metrics, "real_time_factor_sum", model="m") == 0.25
    assert value(metrics, "first_audio_seconds_sum", model="m") == 0.03
    assert value(metrics, "queue_seconds_sum", model="m") == 0.002


def test_an_utterance_without_a_sound_does_not_count_as_quick() -> None:
    metrics = Metrics()
    metrics.utterance_ended(Report(model="m", outcome="cancelled"))
    assert value(metrics, "first_audio_seconds_count", model="m") is None
    assert (metrics.first_audio_p50_ms, metrics.rtf_p50) == (0, 0)


def test_the_worker_tells_medians_of_its_last_utterances() -> None:
    metrics = Metrics()
    for first_audio_ms in (10, 30, 500):
        metrics.utterance_ended(
            Report(model="m", rate_hz=48_000, samples=48_000, first_audio_ms=first_audio_ms, synth_ms=100)
        )
    assert (metrics.first_audio_p50_ms, metrics.rtf_p50) == (30, 0.1)


def test_a_gauge_is_read_when_it_is_scraped() -> None:
    metrics, things = Metrics(), [1, 2]
    metrics.watch("things", "How many", lambda: len(things))
    assert value(metrics, "things") == 2
    things.pop()
    assert value(metrics, "things") == 1


def test_two_workers_in_a_process_do_not_share_their_figures() -> None:
    first, second = Metrics(), Metrics()
    first.model_unloaded("m")
    assert value(first, "model_unloads_total", model="m") == 1
    assert value(second, "model_unloads_total", model="m") is None


def test_a_condition_s_label_is_its_name() -> None:
    assert condition(UnknownVoice("x")) == "unknown_voice"
    assert condition(ValueError()) == "value_error"


LOGGING = """
import logging, structlog
from antiphon_core.logs import set_up_logs, set_log_level
set_up_logs("info", "{form}")
log = structlog.get_logger("ours")
log.debug("hidden")
log.info("seen", model="m", text="ü")
logging.getLogger("engine").warning("engine says %s", "hi", extra=dict(model="e"))
set_log_level("debug")
log.debug("now seen")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
"""


def logged(form: str) -> list[str]:
    command = [sys.executable, "-c", LOGGING.format(form=form)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()


def test_lines_are_json_also_those_of_engines() -> None:
    records = [json.loads(line) for line in logged("json")]
    assert [record["event"] for record in records] == ["seen", "engine says hi", "now seen", "broken"]
    assert (records[0]["model"], records[0]["text"], records[0]["level"]) == ("m", "ü", "info")
    assert (records[1]["logger"], records[1]["level"], records[1]["model"]) == ("engine", "warning", "e")
    assert "ZeroDivisionError" in records[3]["exception"]
    assert records[0]["timestamp"].endswith("Z")


def test_lines_for_people_are_no_json() -> None:
    assert any("seen" in line and "model=m" in line for line in logged("console"))
