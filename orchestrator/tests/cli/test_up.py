"""`antiphon up`: ready when all of its engines are; one that cannot start ends it, one that dies is started again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings, CannotLoad
from antiphon_orchestrator.cli import up
from antiphon_orchestrator.cli.up import Worker, welcome
from antiphon_orchestrator.environments.place import Place, Record
from antiphon_orchestrator.testing.server import Scripted, ScriptedFleet, serving, worker

pytestmark = pytest.mark.integration
ENGINES = {"one:50051": "chirp", "two:50051": "growl"}
READY = ["Antiphon is ready: http://here  (Ctrl-C ends it)"]


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The log may be in between."""
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Antiphon ")]


async def test_an_engine_that_is_still_loading_is_named_and_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    fleet = ScriptedFleet(worker("one"))
    async with serving(Scripted(fleet=fleet)) as server:
        welcoming = asyncio.create_task(welcome(server.server, ENGINES, "http://here"))
        await asyncio.sleep(0)
        assert said(capsys) == ["Antiphon answers at http://here already; still loading: growl"]
        fleet.become(worker("one"))
        await asyncio.sleep(0)
        assert not welcoming.done()
        fleet.become(worker("one"), worker("two"))
        await asyncio.wait_for(welcoming, 5)
    assert said(capsys) == READY


async def test_engines_that_are_all_there_are_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(Scripted(fleet=ScriptedFleet(worker("one"), worker("two")))) as server:
        await asyncio.wait_for(welcome(server.server, ENGINES, "http://here"), 5)
    assert said(capsys) == READY


@pytest.fixture
def chirp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Of an environment without its engine: its process ends at once. No start counts as short."""
    monkeypatch.setenv("ANTIPHON_ENVIRONMENTS", str(tmp_path))
    monkeypatch.setattr(up, "_SOON_S", 0.0)
    place = Place(tmp_path, "chirp")
    build = place.new_build()
    (build / "bin").mkdir()
    (build / "bin/python").symlink_to(sys.executable)
    place.finish(build, Record("chirp", "antiphon-adapter-chirp", "0.1.0", "3.11.7", "here", "", "", 1))
    return Worker("chirp", 1)


async def test_a_worker_that_never_served_is_not_started_for_ever(chirp: Worker) -> None:
    with pytest.raises(CannotLoad, match="the worker of chirp ended with status"):
        await asyncio.wait_for(chirp.run(), 15)


async def test_a_worker_that_has_served_is_started_again(chirp: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    chirp.has_served = True
    running = asyncio.create_task(chirp.run())
    told = ""
    while "starting it again" not in told:
        told += capfd.readouterr().out
        assert not running.done()
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    assert "the worker of chirp ended with status" in told


def test_it_runs_one_process_and_says_who_runs_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIPHON_SERVER_PROCESSES", "2")
    with pytest.raises(BadSettings, match="antiphon up runs one; antiphon serve runs several"):
        up.main([])
