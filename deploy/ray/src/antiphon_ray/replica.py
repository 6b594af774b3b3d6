"""Replica: what Ray Serve places, watches and ends. It hosts one worker and lives as long as that does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ray
from antiphon_orchestrator.environments.hosts import python_of

from antiphon_ray.scaling import STREAMS
from antiphon_ray.settings import EngineSettings
from antiphon_ray.worker import Worker


class Replica:
    """Nobody calls it: servers speak with its worker, whom they find in the registry."""

    async def __init__(self, content: dict[str, Any]) -> None:  # type: ignore[misc] # Ray awaits it
        self._settings = settings = EngineSettings.model_validate(content)
        python = Path(settings.python) if settings.python else python_of(settings.engine)
        host = ray.util.get_node_ip_address()
        self._worker = Worker(python, host, settings.worker(), settings.announced_in(os.environ))
        await self._worker.start(settings.start_s)

    async def check_health(self) -> None:
        """Ray replaces a replica that raises here."""
        await self._worker.check()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What `by_streams` adds up."""
        return {STREAMS: await self._worker.streams()}

    async def __del__(self) -> None:
        """Ray calls it, and waits, when it takes the replica away."""
        await self._worker.end(self._settings.end_s)
