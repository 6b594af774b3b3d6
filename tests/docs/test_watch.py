"""docs/watch.md: its metrics are those of a server, each once; its spans and commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from antiphon_core.live import LiveSettings
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli import top
from antiphon_orchestrator.settings import ServerSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/watch.md").read_text(encoding="utf-8")
WORKERS = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(antiphon_\w+)` \|([^|]*)\|", re.MULTILINE)
LINES = [line.strip() for line in PAGE.splitlines() if line.startswith("    antiphon top")]

EVERY_DEPLOYMENT_NEEDS = {
    "first audio": "antiphon_first_audio_seconds",
    "voice to voice": "antiphon_voice_to_voice_seconds",
    "barge-in": "antiphon_barge_in_seconds",
    "tick lateness": "antiphon_tick_lateness_seconds",
    "underruns": "antiphon_underrun_seconds",
    "false interruptions resumed": "antiphon_hold_seconds",
    "utterances failed over": "antiphon_utterances_failed_over_total",
    "worker in flight": "antiphon_worker_in_flight",
    "queue": "antiphon_worker_queued",
    "model loads": "antiphon_worker_model_loads_total",
}


async def served() -> dict[str, set[str]]:
    """The metrics of a real server, each with its labels."""
    registry = Server(LiveSettings(ServerSettings, {})).metrics.registry
    found: dict[str, set[str]] = {}
    for collector in registry._collector_to_names:
        for metric in getattr(collector, "describe", list)():  # the process's own are not ours to list
            labels = getattr(collector, "_labelnames", ()) or getattr(collector, "_labels", ())
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name
            if name.startswith("antiphon"):
                assert name not in found, f"{name} is there twice"
                found[name] = set(labels)
    return found


async def test_the_table_of_metrics_is_what_a_server_serves() -> None:
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(PAGE)}
    assert told == await served()


@pytest.mark.parametrize("what", EVERY_DEPLOYMENT_NEEDS)
def test_what_every_deployment_needs_is_there_exactly_once(what: str) -> None:
    everywhere = [name for name, _ in ROW.findall(PAGE + WORKERS)]
    assert everywhere.count(EVERY_DEPLOYMENT_NEEDS[what]) == 1


def test_the_spans_are_those_that_are_told() -> None:
    tree = PAGE.split("```\nturn ", 1)[1].split("```", 1)[0]
    named = {"turn", *re.findall(r"[├└]─ (\w+)", tree)}
    sources = [*(ROOT / "orchestrator/src").rglob("*.py"), *(ROOT / "core/src").rglob("*.py")]
    begun = re.compile(r'\.(?:begin|child)\(\s*"(\w+)"')
    told = {name for path in sources if "test" not in path.parts for name in begun.findall(path.read_text("utf-8"))}
    assert named | {"speech"} == told


@pytest.mark.parametrize("line", LINES)
def test_the_commands_are_understood(line: str) -> None:
    top._parser().parse_args(shlex.split(line)[2:])


def test_the_page_shows_commands() -> None:
    assert len(LINES) >= 4
