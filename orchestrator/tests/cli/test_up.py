"""`antiphon up` says that it is ready when all of its engines are."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_orchestrator.cli.up import welcome
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
