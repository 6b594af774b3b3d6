"""A worker's process: in the engine's own Python, ready before it is used, ended in order."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import yaml
from antiphon_core.errors import CannotLoad
from antiphon_core.worker.health import health
from antiphon_orchestrator.environments.trial import own_variables
from prometheus_client.parser import text_string_to_metric_families

from antiphon_ray.leash import LEASHED
from antiphon_ray.settings import DECIDED_HERE, PREFIX, REGISTRY

_LOOK_S = 0.1
_ASK_S = 2.0
_STREAMS = {"antiphon_worker_in_flight", "antiphon_worker_queued"}
_RUN = f"""{LEASHED}
from antiphon_core.worker.main import main
raise SystemExit(main())
"""


class Worker:
    """Listens at `host`, at ports that are free there. It is watched by those that have no TLS."""

    def __init__(self, python: Path, host: str, settings: dict[str, Any], registry: str) -> None:
        self.address = ""
        self._python = python
        self._host = host
        self._settings = settings
        self._registry = registry
        self._health = ""
        self._metrics = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, limit_s: float) -> None:
        """Returns when it is ready to speak; raises CannotLoad if it ends before that, or takes too long."""
        # Without a name, so that nothing is left of it when this process is killed.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            yaml.safe_dump(self._placed(), file)
            file.flush()
            command = (str(self._python), "-c", _RUN, "--config", f"/dev/fd/{file.fileno()}")
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env=self._variables(),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(file.fileno(),),
                # Ray kills a replica's process group, and what is being spoken would be cut off.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(limit_s):
                while not await self._is_ready():  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            await self.end(0.0)
            raise CannotLoad(f"the worker {self._name} was not ready within {limit_s:g} s") from None

    @property
    def process_id(self) -> int:
        assert self._process is not None, "it was not started"
        return self._process.pid

    async def check(self) -> None:
        """Raises CannotLoad unless it is ready to speak."""
        if not await self._is_ready():
            raise CannotLoad(f"the worker {self._name} at {self.address} is not healthy; see its log")

    async def streams(self) -> float:
        """Utterances that it speaks or keeps waiting; none if it does not tell."""
        try:
            text = await asyncio.to_thread(_read, self._metrics)
        except OSError:
            return 0.0
        families = text_string_to_metric_families(text)
        return sum(sample.value for family in families for sample in family.samples if sample.name in _STREAMS)

    async def end(self, limit_s: float) -> None:
        """Running utterances may finish for as long as the worker's own settings say, and for `limit_s` at most."""
        if self._process is not None and self._process.returncode is None:
            await _end(self._process, limit_s)

    async def _is_ready(self) -> bool:
        assert self._process is not None, "it was not started"
        if self._process.returncode is not None:
            raise CannotLoad(f"the worker {self._name} ended with status {self._process.returncode}; see its log")
        try:
            return await asyncio.to_thread(health, self._health, _ASK_S) == "SERVING"
        except grpc.RpcError:
            return False

    def _placed(self) -> dict[str, Any]:
        """Its settings, with ports that are free now."""
        port, health_port, metrics_port = free_ports(self._host, 3)
        self.address, self._health = f"{self._host}:{port}", f"{self._host}:{health_port}"
        self._metrics = f"http://{self._host}:{metrics_port}/metrics"
        ports = {"host": self._host, "port": port, "health_port": health_port, "metrics_port": metrics_port}
        return {**self._settings, **ports}

    def _variables(self) -> dict[str, str]:
        """An image's variables would win over the file, and two workers in one container want the same port."""
        variables = dict(os.environ) if str(self._python) == sys.executable else own_variables()
        for name in DECIDED_HERE | set(self._settings):
            variables.pop(f"{PREFIX}{name.upper()}", None)
        return {**variables, REGISTRY: self._registry}

    @property
    def _name(self) -> str:
        return f"of {self._settings['adapter']}"


def free_ports(host: str, count: int) -> list[int]:
    """So many different ones that are free now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_ASK_S) as answer:
        return bytes(answer.read()).decode()


async def _end(process: asyncio.subprocess.Process, limit_s: float) -> None:
    assert process.stdin is not None, "the leash"
    process.stdin.close()
    try:
        async with asyncio.timeout(limit_s):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
