"""One server for all clients, with a mind whose answers are known; an environment and a line tap for each client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from antiphon_orchestrator.testing.chat_endpoint import ChatEndpoint
from ears import recognised, wav
from house import House, served
from mind import knowing
from tap import Tap

CLIENTS = Path(__file__).parent / "clients"
sys.path.insert(0, str(CLIENTS))
from call import LINES  # noqa: E402

__all__ = ["knowing", "served"]  # fixtures: `mind` and `house`

CALL_LIMIT_S = 180.0
GONE_S = 5.0


@dataclass(slots=True)
class Called:
    """One client's run: what it reports, what passed on its line, and what the mind was asked."""

    name: str
    report: dict[str, Any]
    tap: Tap
    asked: list[Any]
    server: str
    sessions_left: int

    def heard(self, name: str) -> str:
        """What the client heard, by the recogniser's ears."""
        path = Path(self.report["heard"][name])
        recording = path.read_bytes()
        return recognised(self.server, wav(recording) if path.suffix == ".pcm" else recording)

    def seconds(self, name: str) -> float:
        return Path(self.report["heard"][name]).stat().st_size / 48_000


class Call(Protocol):
    """Runs a client once: the program `clients/NAME/PROGRAM_client.py` in the environment of clients/NAME."""

    async def __call__(self, name: str, program: str = "") -> Called: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lines(house: House) -> dict[str, bytes]:
    """What callers say, in the server's own voice."""
    return {name: await asyncio.to_thread(house.speak, text) for name, text in LINES.items()}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def call(house: House, lines: dict[str, bytes], mind: ChatEndpoint, tmp_path_factory: Any) -> Call:
    """Tests that ask for the same call share it."""
    made: dict[str, Called] = {}

    async def run(name: str, program: str = "") -> Called:
        program = program or name
        if program in made:
            return made[program]
        python = await asyncio.to_thread(environment, CLIENTS / name)
        folder = tmp_path_factory.mktemp(name)
        for line, pcm in lines.items():
            (folder / f"{line}.pcm").write_bytes(pcm)
        mind.asked.clear()
        async with Tap(house.url).listening() as tap:
            orders = {"http": f"{house.url}/v1", "realtime": f"{tap.address}/v1", "folder": str(folder)}
            await _run(python, CLIENTS / name / f"{program}_client.py", orders)
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
            left = await house.sessions_left(GONE_S)
        made[program] = Called(name, report, tap, list(mind.asked), house.url, left)
        return made[program]

    return run


def environment(folder: Path) -> Path:
    """The Python of a client's own environment, filled from its lock."""
    clean = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(["poetry", "sync", "--no-interaction", "--quiet"], cwd=folder, env=clean, check=True)
    return folder / ".venv/bin/python"


async def _run(python: Path, script: Path, orders: dict[str, str]) -> None:
    """A client that fails fails the test with what it printed."""
    process = await asyncio.create_subprocess_exec(
        python, script, json.dumps(orders), env={**os.environ, "PYTHONPATH": str(CLIENTS)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
        pytest.fail(f"the client did not end in {CALL_LIMIT_S:.0f} s:\n{output.decode()}")
    if process.returncode:
        pytest.fail(f"the client ended with status {process.returncode}:\n{output.decode()}")
    print(output.decode())
