"""What a client's `turn_detection` means for the endpoint and the floor."""

from __future__ import annotations

from antiphon_orchestrator.session.config import SemanticVad, ServerVad
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.turn.endpoint import EndpointSettings
from antiphon_orchestrator.turn.floor import FloorSettings


def endpoint_settings(detection: ServerVad | SemanticVad | None, *, has_detector: bool) -> EndpointSettings:
    """When a turn begins and ends. Without a turn detector at hand `semantic_vad` waits for its silence."""
    if isinstance(detection, ServerVad):
        return EndpointSettings.server_vad(
            # The protocol allows 0, which no probability lies below.
            max(detection.threshold, 0.01),
            detection.prefix_padding_ms,
            max(detection.silence_duration_ms, 1),
        )
    settings = EndpointSettings.semantic_vad(detection.eagerness if detection else "auto")
    return settings if has_detector else EndpointSettings.server_vad()


def floor_settings(detection: ServerVad | SemanticVad | None, settings: SessionSettings) -> FloorSettings:
    """Who may speak. Push-to-talk: only the client says."""
    idle_ms = detection.idle_timeout_ms if isinstance(detection, ServerVad) else None
    return FloorSettings(
        interrupt_response=detection.interrupt_response if detection else False,
        create_response=detection.create_response if detection else False,
        nudge_ms=idle_ms or 0,
        hold=settings.hold,
        limits=settings.limits,
    )
