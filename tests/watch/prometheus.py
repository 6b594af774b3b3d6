"""A real Prometheus beside the processes that it scrapes. Debian and Ubuntu: apt-get install prometheus."""

from __future__ import annotations

import asyncio
import shutil
import time
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from watched_site import free_port

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/antiphon.rules.yaml"
_START_S = 60.0


def needed(program: str) -> str:
    """Where the program is; skips the test where it is not."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed; on Debian and Ubuntu: apt-get install prometheus")
    return found


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Answers queries."""

    url: str

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """What there is of it now; an expression that is wrong raises."""
        async with httpx.AsyncClient(timeout=30.0) as client:
            answer = (await client.get(f"{self.url}/api/v1/query", params={"query": expression})).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def eventually(self, expression: str, limit_s: float) -> list[dict[str, Any]]:
        """Waits until there is something of it."""
        deadline_s = time.monotonic() + limit_s
        while not (found := await self.query(expression)):
            assert time.monotonic() < deadline_s, f"nothing of {expression} in {limit_s:.0f} s"
            await asyncio.sleep(0.5)
        return found


@asynccontextmanager
async def scraping(folder: Path, ports: Sequence[int]) -> AsyncIterator[Prometheus]:
    """Scrapes these ports of this machine every two seconds, by our own rules, until the block ends."""
    listen = f"127.0.0.1:{free_port()}"
    config = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "antiphon", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    process = await create_subprocess_exec(
        needed("prometheus"), f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={listen}", "--log.level=error", stdout=DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        await _ready(f"http://{listen}")
        yield Prometheus(f"http://{listen}")
    finally:
        process.terminate()
        await process.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(_START_S), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"{url}/-/ready")).is_success:
                    return
            await asyncio.sleep(0.1)
