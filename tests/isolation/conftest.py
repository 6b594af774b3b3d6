"""Two engines that cannot live together, each in its environment, under one server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from house import House, antiphon, up
from packs import voice_pack

ENGINES = ("piper", "cosyvoice")


@pytest.fixture(scope="session")
def environments() -> tuple[str, ...]:
    """The engines, once each has its environment. The first time that takes minutes and 8 GB."""
    for engine in ENGINES:
        subprocess.run(antiphon("env", "add", engine), check=True)
    return ENGINES


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(environments: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """`antiphon up` with both, and a mind that says back what it is told."""
    folder = tmp_path_factory.mktemp("voices")
    voice_pack(folder / "tiny")
    config = folder / "cosyvoice.yaml"
    config.write_text(f"own_dirs: [{folder / 'tiny'}]\n", encoding="utf-8")
    flags = [flag for engine in environments for flag in ("--adapter", engine)]
    async with up(*flags, "--worker-config", f"cosyvoice={config}", "--mind", "echo") as house:
        yield house


def pytest_report_header() -> str:
    return f"the server's own Python: {sys.version.split()[0]}, {Path(sys.executable)}"
