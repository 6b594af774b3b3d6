"""Picks the worker for an utterance. Pure: what is known of the fleet comes in, a choice comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from antiphon_core.errors import Full, UnknownVoice, Unsupported, WorkerGone
from antiphon_core.models import Capability, ModelInfo
from antiphon_core.registry.base import ModelState, ModelStatus, WorkerRecord

PickTwo = Callable[[int], tuple[int, int]]
"""Two different places among n; random in production, scripted in tests."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an utterance needs. `voice` is `model/voice`, `model`, or empty for any worker's default."""

    voice: str = ""
    language: str = ""
    capabilities: frozenset[Capability] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """Where an utterance goes, and the public id of the voice that will speak."""

    record: WorkerRecord
    voice: str


def public_voices(status: ModelStatus) -> list[str]:
    """The public ids of a model's voices, the default one first."""
    info = status.info
    others = [voice.id for voice in info.voices if voice.id != info.default_voice]
    return [f"{info.id}/{voice}" for voice in (info.default_voice, *others)]


def route(
    fleet: Sequence[WorkerRecord],
    wanted: Wanted,
    own_in_flight: Mapping[str, int],
    pick_two: PickTwo,
    *,
    keep: str = "",
    avoid: frozenset[str] = frozenset(),
) -> Route:
    """The best worker for `wanted`; `keep` is the address the session spoke through last, `avoid` those that failed."""
    able = [route for record in fleet if (route := _route_on(record, wanted)) is not None]
    if not able:
        raise _why_nobody(fleet, wanted)
    open_ = [
        route for route in able if not route.record.description.load.draining and route.record.address not in avoid
    ]
    if not open_:
        raise Full(
            f"every worker that speaks {wanted.voice or 'the default voice'!r} is draining or has just failed; "
            "try again shortly",
            subject=wanted.voice,
            retry_after_ms=1_000,
        )
    for route in open_:
        if route.record.address == keep and _busy(route, own_in_flight) < 1:
            return route
    resident = [route for route in open_ if _is_resident(route)] or open_
    if len(resident) == 1:
        return resident[0]
    first, second = (resident[place] for place in pick_two(len(resident)))
    return min(first, second, key=lambda route: _cost(route, own_in_flight))


def _route_on(record: WorkerRecord, wanted: Wanted) -> Route | None:
    """How this worker would speak it, if it can at all."""
    model_id, _, voice_id = wanted.voice.partition("/")
    status = record.description.status(model_id)
    if status is None or not wanted.capabilities <= status.info.capabilities:
        return None
    voice = _voice_for(status.info, voice_id, wanted.language)
    return Route(record, f"{status.info.id}/{voice}") if voice else None


def _voice_for(info: ModelInfo, voice_id: str, language: str) -> str:
    """The named voice, else the default one, else the first that speaks the language. Empty: there is none."""
    if voice_id:
        return voice_id if any(voice.id == voice_id for voice in info.voices) else ""
    ordered = sorted(info.voices, key=lambda voice: voice.id != info.default_voice)
    speaking = (voice.id for voice in ordered if not language or _speaks(voice.languages, language))
    return next(speaking, "")


def _speaks(languages: Sequence[str], wanted: str) -> bool:
    primary = wanted.lower().split("-")[0]
    return any(tag.lower().split("-")[0] == primary for tag in languages)


def _is_resident(route: Route) -> bool:
    status = route.record.description.status(route.voice.partition("/")[0])
    return status is not None and status.state is ModelState.RESIDENT


def _busy(route: Route, own_in_flight: Mapping[str, int]) -> float:
    """Utterances by place. Heartbeats are late and own counts see one process only: the larger one is nearer."""
    description = route.record.description
    status = description.status(route.voice.partition("/")[0])
    running = max(description.load.in_flight + description.load.queued, own_in_flight.get(route.record.address, 0))
    return running / (status.info.max_concurrency if status else 1)


def _cost(route: Route, own_in_flight: Mapping[str, int]) -> tuple[float, float]:
    return _busy(route, own_in_flight), route.record.description.load.first_audio_p50_ms


def _why_nobody(fleet: Sequence[WorkerRecord], wanted: Wanted) -> Exception:
    if not fleet:
        return WorkerGone("no speech worker answers; start one with `worker --adapter NAME` and point --registry at it")
    voices = sorted(
        {voice for record in fleet for status in record.description.models for voice in public_voices(status)}
    )
    known = {status.info.id for record in fleet for status in record.description.models} | set(voices) | {""}
    if wanted.voice not in known:
        return UnknownVoice(
            f"there is no voice {wanted.voice!r}; there are: {', '.join(voices)}", subject=wanted.voice, allowed=voices
        )
    missing = (
        ", ".join(sorted(capability.value for capability in wanted.capabilities)) or f"language {wanted.language!r}"
    )
    return Unsupported(
        f"no voice {wanted.voice or 'at all'!r} offers {missing}; there are: {', '.join(voices)}",
        subject=wanted.voice,
        allowed=voices,
    )
