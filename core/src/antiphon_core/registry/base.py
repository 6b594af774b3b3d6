"""Who is alive, what they can do, how busy they are: the registry's words and its two sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from antiphon_core.models import ModelInfo


class ModelState(Enum):
    """How near a model is to speaking."""

    REMOTE = "remote"
    AVAILABLE = "available"
    LOADING = "loading"
    RESIDENT = "resident"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model of a worker and how near it is to speaking. `fetched_percent` moves while its files are fetched."""

    info: ModelInfo
    state: ModelState
    fetched_percent: int = 0


class LoadStage(Enum):
    """How far the loading of a model has come."""

    FETCHING = "fetching"
    LOADING = "loading"
    WARMING = "warming"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """The stage, and how far it is while it fetches. `total_bytes` is 0 while unknown."""

    stage: LoadStage
    done_bytes: int = 0
    total_bytes: int = 0

    @property
    def fetched_percent(self) -> int:
        return 100 * self.done_bytes // self.total_bytes if self.total_bytes else 0


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Ids of the models that a worker found new, gone, and changed while in memory."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a worker is. Medians are over its last utterances, 0 while there were none."""

    in_flight: int = 0
    queued: int = 0
    rss_bytes: int = 0
    first_audio_p50_ms: float = 0.0
    rtf_p50: float = 0.0
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker takes on. `max_in_flight` 0: only the models' own limits."""

    max_in_flight: int = 0
    max_queue: int = 0
    max_text_bytes: int = 0
    lead_ms: int = 0


@dataclass(frozen=True, slots=True)
class WorkerDescription:
    """A worker as it describes itself. `incarnation` is new at each start: it tells a restart from a pause."""

    worker: str
    adapter: str
    device: str
    incarnation: str
    models: tuple[ModelStatus, ...]
    default_model: str
    load: Load
    limits: Limits
    core_version: str = ""
    adapter_version: str = ""

    def status(self, model_id: str) -> ModelStatus | None:
        """The model of that id, the default one for an empty id."""
        wanted = model_id or self.default_model
        return next((status for status in self.models if status.info.id == wanted), None)


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker as the registry knows it: where it is, whether it speaks TLS, and what it last said of itself."""

    address: str
    description: WorkerDescription
    tls: bool = False


class Fleet(Protocol):
    """The reading side. Reads never block: they answer from what was last known."""

    def workers(self) -> tuple[WorkerRecord, ...]:
        """The workers believed alive."""
        ...

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Calls `changed` whenever `workers()` would answer differently. Returns the way to end that."""
        ...

    @property
    def reachable(self) -> bool:
        """Whether the registry itself could be read the last time; if not, the last known workers stay."""
        ...

    async def run(self) -> None:
        """Keeps the view current until cancelled. Outages are survived, not raised."""
        ...


class Announcer(Protocol):
    """The writing side."""

    async def run(self, address: str, describe: Callable[[], WorkerDescription]) -> None:
        """Keeps the worker announced until cancelled, then withdraws it. Outages are survived, not raised."""
        ...
