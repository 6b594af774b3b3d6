from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from antiphon_core.audio import PcmFormat
from antiphon_core.errors import BadSettings
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.settings import read_settings
from antiphon_core.worker.eviction import Policy
from antiphon_core.worker.settings import WorkerSettings


def settings(*arguments: str) -> WorkerSettings:
    parser = argparse.ArgumentParser()
    add_flags(parser, WorkerSettings)
    return read_settings(
        WorkerSettings, given_flags(parser.parse_args(["--adapter", "tone", *arguments]), WorkerSettings)
    )


def test_the_command_lines_of_the_manual_are_understood() -> None:
    given = settings(
        *("--port", "50052", "--model", "a", "b", "--device", "cuda:0", "--registry", "static://", "--threads", "4"),
        *("--option", "rtf=0.5", "--own-dir", "/voices", "--licence", "MIT", "--max-resident-bytes", "6GB"),
        *("--no-trim", "--no-exit-on-stall", "--metrics-port", "0"),
    )
    assert given.models == ("a", "b")
    assert given.options == {"rtf": "0.5"}
    assert given.own_dirs == (Path("/voices"),)
    assert given.policy == Policy(max_models=0, max_bytes=6 * 10**9, idle_ttl_s=0, min_residency_s=10)
    assert not given.utterance_limits.trim.enabled
    assert given.metrics_port == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--device", "gpu"],
        ["--port", "70000"],
        ["--lead-ms", "5"],
        ["--max-resident-bytes", "lots"],
        ["--option", "=x"],
        ["--threads", "0"],
        ["--stall-s", "0"],
        ["--log-level", "loud"],
    ],
)
def test_values_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(BadSettings, match=f"{arguments[0]} is "):
        settings(*arguments)


def test_a_worker_is_named_by_where_and_what_it_is() -> None:
    assert settings().named(50051).endswith("-tone-50051")
    assert settings("--name", "bert").named(50051) == "bert"


def test_others_are_told_an_address_they_can_reach() -> None:
    assert settings("--host", "10.0.0.7").address(1234) == "10.0.0.7:1234"
    assert settings("--host", "0.0.0.0").address(1234).endswith(":1234")
    assert not settings("--host", "0.0.0.0").address(1234).startswith("0.0.0.0")
    assert settings("--advertise", "speech.example.org:443").address(1234) == "speech.example.org:443"


@pytest.mark.parametrize(("lead_ms", "rate_hz", "events"), [(400, 48_000, 12), (400, 8_000, 1), (1_000, 24_000, 33)])
def test_what_the_connection_holds_is_a_part_of_the_lead(lead_ms: int, rate_hz: int, events: int) -> None:
    limits = settings("--lead-ms", str(lead_ms)).utterance_limits
    assert limits.lead_events(PcmFormat(rate_hz)) == events


def test_every_setting_says_what_it_is() -> None:
    for name, field in WorkerSettings.model_fields.items():
        assert field.description, name
