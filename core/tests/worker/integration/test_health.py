"""`worker-health`, as a container's health check uses it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from antiphon_core.worker import health
from worker.integration.serving import serving


async def ask(*arguments: str) -> int:
    """In a thread of its own: it blocks."""
    return await asyncio.to_thread(health.main, list(arguments))


async def test_a_worker_is_healthy_while_it_takes_utterances(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(tmp_path / "models") as app:
        assert await ask("--worker", app.address) == 0
        await app._server.set_healthy(False)
        assert await ask("--worker", app.address) == 1
    said = [line for line in capsys.readouterr().out.splitlines() if line.endswith("SERVING")]
    assert said == ["SERVING", "NOT_SERVING"]


async def test_nobody_there_is_one_line_that_names_the_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTIPHON_WORKER_PORT", "9")
    assert await ask("--timeout-s", "1") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("worker-health")]
    assert line.startswith("worker-health: 127.0.0.1:9 does not answer: ")
