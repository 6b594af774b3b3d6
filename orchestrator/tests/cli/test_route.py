"""`antiphon route` shows who would speak, with a reason for each worker."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from antiphon_core.errors import BadSettings, UnknownVoice, WorkerGone
from antiphon_core.registry.base import ModelState, ModelStatus, WorkerRecord
from antiphon_orchestrator.cli import route
from antiphon_orchestrator.speech.trust import TrustedFleet
from antiphon_orchestrator.testing.server import ScriptedFleet, worker

COLD = worker("cold")
COLD = replace(
    COLD,
    description=replace(
        COLD.description,
        models=(ModelStatus(replace(COLD.description.models[0].info, id="slow"), ModelState.AVAILABLE),),
        default_model="slow",
    ),
)


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> list[WorkerRecord]:
    """The workers, whatever registry is named."""
    records: list[WorkerRecord] = [worker("one"), COLD]
    monkeypatch.setattr(route, "fleet_of", lambda settings, dialer: TrustedFleet(ScriptedFleet(*records), tls=False))
    return records


def test_the_worker_that_would_speak_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert route.main(["--voice", "scripted", "--wait", "0.01"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "WORKER  ADDRESS    VOICE         WHY",
        "one     one:50051  scripted/one  taken: the only one left",
    ]


def test_explained_every_worker_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert route.main(["--voice", "scripted", "--wait", "0.01", "--explain", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["worker"], row["taken"], row["why"]) for row in rows] == [
        ("one", True, "taken: the only one left"),
        ("cold", False, "has no model 'scripted'"),
    ]


def test_a_worker_in_tls_that_this_server_does_not_speak_is_refused_with_the_reason(
    there: list[WorkerRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    there.append(replace(worker("private"), tls=True))
    assert route.main(["--voice", "scripted", "--wait", "0.01", "--explain", "--json"]) == 0
    rows = {row["worker"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["private"]["why"].startswith("speaks only over TLS; give this server --fleet-ca")
    assert [name for name, row in rows.items() if row["taken"]] == ["one"]


def test_a_stand_in_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert route.main(["--voice", "slow", "--fallback", "slow=scripted", "--wait", "0.01"]) == 0
    told = capsys.readouterr()
    assert "slow/one" in told.out
    assert told.err.splitlines() == [
        "scripted/one speaks for it, at one:50051",
        "slow/one is loaded meanwhile, at cold:50051",
    ]


def test_where_nobody_can_everybody_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownVoice, match="there are: scripted/one"):
        route.main(["--voice", "other", "--wait", "0.01"])
    assert capsys.readouterr().out.count("has no model 'other'") == 2
    assert route.main(["--voice", "other", "--fallback", "other=scripted", "--wait", "0.01"]) == 0


def test_without_workers_it_says_how_to_start_one(there: list[WorkerRecord]) -> None:
    there.clear()
    with pytest.raises(WorkerGone, match="worker --adapter"):
        route.main(["--wait", "0.01"])


def test_a_policy_that_is_none_is_told() -> None:
    with pytest.raises(BadSettings, match="cheapest-cpu"):
        route.main(["--routing", "best"])


def test_a_registry_that_cannot_be_read_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Away(ScriptedFleet):
        @property
        def reachable(self) -> bool:
            return False

    monkeypatch.setattr(route, "fleet_of", lambda settings, dialer: TrustedFleet(Away(), tls=False))
    with pytest.raises(ConnectionError, match="the registry cannot be read"):
        route.main(["--wait", "0.01"])
    assert capsys.readouterr().out == ""


def test_that_the_sessions_worker_is_gone_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert route.main(["--voice", "scripted", "--keep", "gone:1", "--wait", "0.01"]) == 0
    told = capsys.readouterr()
    assert "one:50051" in told.out
    assert told.err.startswith("no worker is at gone:1")
