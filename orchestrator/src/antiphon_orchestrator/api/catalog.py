"""GET /v1/models and GET /v1/voices: what there is to speak with."""

from __future__ import annotations

from typing import Any

from antiphon_core.models import ModelInfo
from antiphon_core.registry.base import Fleet, ModelState, ModelStatus
from starlette.requests import Request
from starlette.responses import JSONResponse

from antiphon_orchestrator.speech.router import public_voices

_NEARNESS = (ModelState.RESIDENT, ModelState.LOADING, ModelState.AVAILABLE, ModelState.REMOTE)


class Catalog:
    """Reads the fleet; a model that several workers have is listed once, as near as the nearest of them."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

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
