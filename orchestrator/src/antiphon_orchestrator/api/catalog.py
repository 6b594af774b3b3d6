"""GET /v1/models, /v1/voices and /v1/workers: what there is to speak with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from antiphon_core.models import ModelInfo
from antiphon_core.registry.base import Fleet, ModelState, ModelStatus, WorkerRecord
from starlette.requests import Request
from starlette.responses import JSONResponse

from antiphon_orchestrator.speech.router import public_voices

_NEARNESS = (ModelState.RESIDENT, ModelState.LOADING, ModelState.AVAILABLE, ModelState.REMOTE)


class Catalog:
    """Reads the fleet; a model that several workers have is listed once, as near as the nearest of them.

    `resting`: addresses of workers that failed lately and get nothing for a while.
    """

    def __init__(self, fleet: Fleet, resting: Callable[[], frozenset[str]] = frozenset) -> None:
        self._fleet = fleet
        self._resting = resting

    def statuses(self) -> dict[str, tuple[str, ModelStatus]]:
        """By model id: the engine, and the nearest status."""
        found: dict[str, tuple[str, ModelStatus]] = {}
        for record in self._fleet.workers():
            for status in record.description.models:
                known = found.get(status.info.id)
                if known is None or _NEARNESS.index(status.state) < _NEARNESS.index(known[1].state):
                    found[status.info.id] = (record.description.adapter, status)
        return dict(sorted(found.items()))

    def voices(self) -> list[str]:
        """Public voice ids."""
        return [voice for _, status in self.statuses().values() for voice in public_voices(status)]

    async def list_models(self, _: Request) -> JSONResponse:
        data = [_model(engine, status) for engine, status in self.statuses().values()]
        return JSONResponse({"object": "list", "data": data})

    async def list_voices(self, _: Request) -> JSONResponse:
        data = [
            _voice(engine, status, voice)
            for engine, status in self.statuses().values()
            for voice in public_voices(status)
        ]
        return JSONResponse({"object": "list", "data": data})

    async def list_workers(self, _: Request) -> JSONResponse:
        resting = self._resting()
        data = [_worker(record, resting=record.address in resting) for record in self._fleet.workers()]
        return JSONResponse({"object": "list", "data": data})


def _worker(record: WorkerRecord, *, resting: bool) -> dict[str, Any]:
    """As it last told of itself."""
    description = record.description
    load = description.load
    return {
        "id": description.worker,
        "object": "worker",
        "address": record.address,
        "engine": description.adapter,
        "device": description.device,
        "models": {status.info.id: status.state.value for status in description.models},
        "in_flight": load.in_flight,
        "queued": load.queued,
        "memory_bytes": load.rss_bytes,
        "first_audio_p50_ms": round(load.first_audio_p50_ms, 1),
        "real_time_factor_p50": round(load.rtf_p50, 3),
        "draining": load.draining,
        "resting": resting,
    }


def _model(engine: str, status: ModelStatus) -> dict[str, Any]:
    info = status.info
    return {
        "id": info.id,
        "object": "model",
        "created": 0,
        "owned_by": engine,
        "engine": engine,
        "state": status.state.value,
        "fetched_percent": status.fetched_percent,
        "resident": status.state is ModelState.RESIDENT,
        "licence": info.licence,
        "languages": _languages(info),
        "default_voice": f"{info.id}/{info.default_voice}",
        "native_rate_hz": info.native_rate_hz,
        "size_bytes": info.size_bytes,
        "needs_gpu": info.needs_gpu,
        "capabilities": sorted(capability.value for capability in info.capabilities),
    }


def _voice(engine: str, status: ModelStatus, public_id: str) -> dict[str, Any]:
    info = status.info
    voice = info.voice(public_id.partition("/")[2])
    return {
        "id": public_id,
        "object": "voice",
        "model": info.id,
        "engine": engine,
        "languages": list(voice.languages),
        "description": voice.description,
        "licence": info.licence,
        "resident": status.state is ModelState.RESIDENT,
    }


def _languages(info: ModelInfo) -> list[str]:
    return sorted({language for voice in info.voices for language in voice.languages})
