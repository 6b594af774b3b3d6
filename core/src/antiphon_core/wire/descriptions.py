"""Models and workers as they describe themselves, both ways."""

from __future__ import annotations

from antiphon_proto.v1 import tts_pb2 as pb

from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import (
    Limits,
    Load,
    LoadProgress,
    LoadStage,
    ModelState,
    ModelStatus,
    WorkerDescription,
)

_STATE_TO_WIRE = {
    ModelState.REMOTE: pb.ModelInfo.STATE_REMOTE,
    ModelState.AVAILABLE: pb.ModelInfo.STATE_AVAILABLE,
    ModelState.LOADING: pb.ModelInfo.STATE_LOADING,
    ModelState.RESIDENT: pb.ModelInfo.STATE_RESIDENT,
}
_STATE_FROM_WIRE = {wire: state for state, wire in _STATE_TO_WIRE.items()}
_STAGE_TO_WIRE = {
    LoadStage.FETCHING: pb.LoadModelResponse.STATE_FETCHING,
    LoadStage.LOADING: pb.LoadModelResponse.STATE_LOADING,
    LoadStage.WARMING: pb.LoadModelResponse.STATE_WARMING,
    LoadStage.READY: pb.LoadModelResponse.STATE_READY,
}
_STAGE_FROM_WIRE = {wire: stage for stage, wire in _STAGE_TO_WIRE.items()}
_CAPABILITY_TO_WIRE = {
    capability: pb.Capability.Value(f"CAPABILITY_{capability.value.upper()}") for capability in Capability
}
_CAPABILITY_FROM_WIRE = {wire: capability for capability, wire in _CAPABILITY_TO_WIRE.items()}


def model_to_wire(status: ModelStatus) -> pb.ModelInfo:
    info = status.info
    return pb.ModelInfo(
        id=info.id,
        voices=[pb.VoiceInfo(id=v.id, languages=v.languages, description=v.description) for v in info.voices],
        default_voice=info.default_voice,
        native_rate_hz=info.native_rate_hz,
        licence=info.licence,
        size_bytes=info.size_bytes,
        needs_gpu=info.needs_gpu,
        max_concurrency=info.max_concurrency,
        capabilities=sorted(_CAPABILITY_TO_WIRE[capability] for capability in info.capabilities),
        state=_STATE_TO_WIRE[status.state],
        fetched_percent=status.fetched_percent,
    )


def model_from_wire(message: pb.ModelInfo) -> ModelStatus:
    info = ModelInfo(
        id=message.id,
        voices=tuple(VoiceInfo(v.id, tuple(v.languages), v.description) for v in message.voices),
        default_voice=message.default_voice,
        native_rate_hz=message.native_rate_hz,
        licence=message.licence,
        size_bytes=message.size_bytes,
        needs_gpu=message.needs_gpu,
        max_concurrency=message.max_concurrency,
        # A newer worker may declare what this side does not know yet.
        capabilities=frozenset(_CAPABILITY_FROM_WIRE[c] for c in message.capabilities if c in _CAPABILITY_FROM_WIRE),
    )
    state = _STATE_FROM_WIRE.get(message.state, ModelState.AVAILABLE)
    return ModelStatus(info, state, message.fetched_percent)


def description_to_wire(description: WorkerDescription) -> pb.DescribeResponse:
    load, limits = description.load, description.limits
    return pb.DescribeResponse(
        worker=description.worker,
        adapter=description.adapter,
        core_version=description.core_version,
        adapter_version=description.adapter_version,
        device=description.device,
        incarnation=description.incarnation,
        models=[model_to_wire(status) for status in description.models],
        default_model=description.default_model,
        load=pb.Load(
            in_flight=load.in_flight,
            queued=load.queued,
            rss_bytes=load.rss_bytes,
            first_audio_p50_ms=load.first_audio_p50_ms,
            rtf_p50=load.rtf_p50,
            draining=load.draining,
        ),
        limits=pb.Limits(
            max_in_flight=limits.max_in_flight,
            max_queue=limits.max_queue,
            max_text_bytes=limits.max_text_bytes,
            lead_ms=limits.lead_ms,
        ),
    )


def description_from_wire(message: pb.DescribeResponse) -> WorkerDescription:
    load, limits = message.load, message.limits
    return WorkerDescription(
        worker=message.worker,
        adapter=message.adapter,
        core_version=message.core_version,
        adapter_version=message.adapter_version,
        device=message.device,
        incarnation=message.incarnation,
        models=tuple(model_from_wire(model) for model in message.models),
        default_model=message.default_model,
        load=Load(
            in_flight=load.in_flight,
            queued=load.queued,
            rss_bytes=load.rss_bytes,
            first_audio_p50_ms=load.first_audio_p50_ms,
            rtf_p50=load.rtf_p50,
            draining=load.draining,
        ),
        limits=Limits(
            max_in_flight=limits.max_in_flight,
            max_queue=limits.max_queue,
            max_text_bytes=limits.max_text_bytes,
            lead_ms=limits.lead_ms,
        ),
    )


def progress_to_wire(progress: LoadProgress) -> pb.LoadModelResponse:
    return pb.LoadModelResponse(
        state=_STAGE_TO_WIRE[progress.stage], done_bytes=progress.done_bytes, total_bytes=progress.total_bytes
    )


def progress_from_wire(message: pb.LoadModelResponse) -> LoadProgress:
    stage = _STAGE_FROM_WIRE.get(message.state, LoadStage.LOADING)
    return LoadProgress(stage, message.done_bytes, message.total_bytes)
