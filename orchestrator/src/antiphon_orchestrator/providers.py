"""Builds what listens, thinks and speaks as the settings name it. Loading is slow: it fetches models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path

from antiphon_core.errors import BadSettings
from antiphon_core.expiry import Ends
from antiphon_core.registry.base import Fleet
from antiphon_core.registry.urls import fleet_for
from antiphon_core.store import Progress, Store, StoreFiles, catalogue_of
from antiphon_core.tls import Certificates
from antiphon_core.wire.dialer import PLAIN, Dialer

from antiphon_orchestrator.metrics import Metrics
from antiphon_orchestrator.ports import Asr, Llm, Speech, TurnDetector, Vad, VoiceChoice
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.speech.client import SpeechClient
from antiphon_orchestrator.speech.fleet_speech import FleetSpeech
from antiphon_orchestrator.speech.policies import POLICIES, Rules
from antiphon_orchestrator.speech.trust import TrustedFleet

CATALOGUE_PACKAGE = "antiphon_orchestrator"


def model_files(settings: ServerSettings, progress: Progress | None = None) -> StoreFiles:
    """The store of the models that listen and think."""
    store = Store(settings.models_dir, allow_licences=settings.licences or None, progress=progress)
    return StoreFiles(store, catalogue_of(CATALOGUE_PACKAGE))


@dataclass(frozen=True, slots=True)
class Ears:
    """What listens."""

    new_vad: Callable[[], Vad]
    turn_detector: TurnDetector | None
    asr: Asr

    async def aclose(self) -> None:
        """Frees threads and connections."""
        await _closed(self.turn_detector)
        await _closed(self.asr)


@dataclass(frozen=True, slots=True)
class Mind:
    """What answers. `behind` is what must be closed."""

    llm: Llm
    behind: object = None

    async def aclose(self) -> None:
        """Frees processes and connections."""
        await _closed(self.behind)


async def _closed(part: object) -> None:
    """Providers that hold nothing have nothing to close."""
    for name in ("aclose", "close"):
        close = getattr(part, name, None)
        if close is not None:
            ending = close()
            if isawaitable(ending):
                await ending
            return


@dataclass(frozen=True, slots=True)
class Providers:
    """What a server is put together from. Both `load` functions are slow and run in threads of their own; `follow` is
    told when live settings have changed."""

    load_ears: Callable[[], Ears]
    load_mind: Callable[[], Mind]
    fleet: Fleet
    speech: Speech
    close_speech: Callable[[], Awaitable[None]]
    idle_workers: Callable[[VoiceChoice], int] = lambda _: 0
    follow: Callable[[ServerSettings], None] = lambda _: None
    resting: Callable[[], frozenset[str]] = frozenset
    certificate_ends: Callable[[], Ends] = dict


def providers_for(settings: ServerSettings, metrics: Metrics) -> Providers:
    """The real ones, as the settings name them."""
    dialer = dialer_for(settings)
    files, fleet, client = model_files(settings), fleet_of(settings, dialer), SpeechClient(dialer)
    speech = FleetSpeech(fleet, client, on_failover=metrics.failed_over, rules=rules_of(settings))
    metrics.watch_each("utterances_in_flight", "Utterances being spoken, by worker", "worker", speech.in_flight)
    return Providers(
        lambda: load_ears(settings, files),
        lambda: load_mind(settings, files),
        fleet,
        speech,
        speech.close,
        speech.idle_workers,
        lambda now: speech.route_by(rules_of(now)),
        speech.resting,
        dialer.ends,
    )


def dialer_for(settings: ServerSettings) -> Dialer:
    """How workers are spoken to."""
    files = settings.fleet_files
    return PLAIN if files is None else Dialer(Certificates(files), settings.fleet_name)


def fleet_of(settings: ServerSettings, dialer: Dialer) -> TrustedFleet:
    """The workers that are spoken to."""
    return TrustedFleet(fleet_for(settings.registry, dialer), tls=dialer.tls)


def rules_of(settings: ServerSettings) -> Rules:
    """How utterances are routed."""
    return Rules(POLICIES[settings.routing], frozenset(settings.licences), settings.fallbacks)


def load_ears(settings: ServerSettings, files: StoreFiles) -> Ears:
    """VAD, turn detector and recogniser."""
    from antiphon_orchestrator.asr.gated import GatedAsr
    from antiphon_orchestrator.vad.silero import Silero

    silero = Silero(files.get("silero-vad"))
    detector = None
    if settings.turn_detector == "smart-turn":
        from antiphon_orchestrator.turndetector.smart_turn import SmartTurn

        detector = SmartTurn(files.get("smart-turn"))
    return Ears(silero.stream, detector, GatedAsr(_recogniser(settings, files), silero.stream))


def _recogniser(settings: ServerSettings, files: StoreFiles) -> Asr:
    if settings.recogniser == "moonshine":
        from antiphon_orchestrator.asr.moonshine import MoonshineAsr

        return MoonshineAsr(files.get("moonshine-tiny-en"))
    if settings.recogniser == "faster-whisper":
        from antiphon_orchestrator.asr.faster_whisper import FasterWhisperAsr

        chosen = settings.recogniser_model
        return FasterWhisperAsr(Path(chosen) if chosen else files.get("whisper-tiny-en"))
    if settings.recogniser == "whisper":
        from antiphon_orchestrator.asr.whisper import WhisperAsr

        if not settings.recogniser_model:
            raise BadSettings("recogniser is whisper: set recogniser_model to the folder of its checkpoint")
        return WhisperAsr(Path(settings.recogniser_model))
    from antiphon_orchestrator.asr.openai import OpenAiAsr

    return OpenAiAsr(
        settings.recogniser_url,
        model=settings.recogniser_model or "whisper-1",
        api_key=settings.recogniser_key.get_secret_value(),
    )


def load_mind(settings: ServerSettings, files: StoreFiles) -> Mind:
    """The language model."""
    if settings.mind == "echo":
        from antiphon_orchestrator.llm.echo import EchoLlm

        return Mind(EchoLlm())
    from antiphon_orchestrator.llm.resilient import ResilientLlm

    if settings.mind == "openai":
        from antiphon_orchestrator.llm.openai import OpenAiLlm

        key = settings.mind_key.get_secret_value()
        endpoint = OpenAiLlm(settings.mind_url, model=settings.mind_model, api_key=key)
        return Mind(ResilientLlm(endpoint, first_s=settings.mind_stall_s), endpoint)
    from antiphon_orchestrator.llm.local import LocalLlm

    local = LocalLlm(
        files.get("smollm2-135m-instruct"), threads=settings.mind_threads, instructions=settings.instructions
    )
    return Mind(ResilientLlm(local, first_s=settings.mind_stall_s), local)
