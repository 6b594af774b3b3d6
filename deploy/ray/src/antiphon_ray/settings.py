"""Settings of a deployment: which engines, and how many workers each of them may have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from antiphon_core.errors import BadSettings
from antiphon_core.settings import read_settings
from antiphon_core.worker.settings import WorkerSettings
from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, model_validator

DECIDED_HERE = frozenset({"adapter", "advertise", "config", "health_port", "host", "metrics_port", "port", "registry"})
"""Settings of a worker that follow from where it runs, and what the file says elsewhere."""

PREFIX = str(WorkerSettings.model_config["env_prefix"])
REGISTRY = f"{PREFIX}REGISTRY"
_END_S = 10.0
"""For a worker to end after its last utterance."""


class EngineSettings(BaseModel):
    """One engine's part of the file: a deployment of Ray Serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$", description="what Ray calls it: the key in the file")
    registry: str = Field(
        default="", description="where workers announce themselves; empty: its machine's ANTIPHON_WORKER_REGISTRY"
    )
    adapter: str = Field(default="", description="the engine; empty: the same as the name")
    python: str = Field(default="", description="the Python that has the engine; empty: the one of `antiphon env add`")
    min_replicas: int = Field(default=1, ge=1, description="workers at least")
    max_replicas: int = Field(default=0, ge=0, description="workers at most; 0: as many as at least")
    target_streams: float = Field(
        default=2.0, gt=0, description="utterances on a worker, running and waiting, in the mean"
    )
    scale_up_s: float = Field(default=1.0, ge=0, description="how long there must be more before a worker is added")
    scale_down_s: float = Field(
        default=120.0, ge=0, description="how long there must be fewer before one is taken away"
    )
    start_s: float = Field(
        default=600.0, gt=0, description="how long a worker may take to be ready, with fetching its model"
    )
    cpus: float = Field(default=1.0, ge=0, description="CPUs that a worker is given room for")
    gpus: float = Field(default=0.0, ge=0, description="GPUs that a worker gets; 0.5: two share one")
    memory: ByteSize = Field(default=ByteSize(0), ge=0, description="memory that a worker is given room for; 0: any")
    resources: dict[str, float] = Field(default_factory=dict, description="what else its machine must have")
    settings: dict[str, Any] = Field(default_factory=dict, description="the worker's own settings")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.max_replicas and self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas is {self.max_replicas}; it is at least min_replicas, {self.min_replicas}")
        if taken := DECIDED_HERE & set(self.settings):
            raise ValueError(f"settings: {', '.join(sorted(taken))} follows from where the worker runs; leave it out")
        return self

    @property
    def engine(self) -> str:
        return self.adapter or self.name

    @property
    def most_replicas(self) -> int:
        return max(self.min_replicas, self.max_replicas)

    def announced_in(self, environment: Mapping[str, str]) -> str:
        """The registry's URL, on a machine with these variables."""
        if url := self.registry or environment.get(REGISTRY, ""):
            return url
        raise BadSettings(
            f"engine {self.name} has no registry, and nobody would find its workers; write `registry: redis://HOST` "
            f"into the file of engines, or set {REGISTRY} where Ray is started",
            subject="registry",
        )

    def worker(self) -> dict[str, Any]:
        """The worker's own settings, as its file has them."""
        on_gpu = {"device": "cuda:0"} if self.gpus else {}
        logs = {"log_format": "console", "log_level": "warning"}
        return {"adapter": self.engine, **logs, **on_gpu, **self.settings}

    @property
    def end_s(self) -> float:
        """How long a worker may take to end in order."""
        return read_settings(WorkerSettings, self.worker()).drain_s + _END_S


class FleetSettings(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registry: str = ""
    engines: tuple[EngineSettings, ...] = Field(min_length=1)


def read_fleet(path: Path) -> FleetSettings:
    """Raises BadSettings, in one line, for whatever is wrong."""
    content = _content(path)
    registry, engines = content.get("registry", ""), content.get("engines")
    if not isinstance(engines, dict) or not engines:
        raise BadSettings(f"{path}: there is no engine in it; write `engines:` and a name below it", subject="engines")
    parts = [_part(path, str(name), registry, part) for name, part in engines.items()]
    try:
        return FleetSettings.model_validate({**content, "engines": parts})
    except ValidationError as error:
        raise BadSettings(f"{path}: {_first(error, 'the file', FleetSettings)}") from None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"cannot read {path}: {error.strerror}", subject=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} is not YAML: {' '.join(str(error).split())}", subject=str(path)) from None
    return content if isinstance(content, dict) else {}


def _part(path: Path, name: str, registry: str, part: Mapping[str, Any] | None) -> EngineSettings:
    where = f"{path}: engine {name}"
    try:
        engine = EngineSettings.model_validate({"registry": registry, **(part or {}), "name": name})
    except ValidationError as error:
        raise BadSettings(f"{where}: {_first(error, 'an engine', EngineSettings)}", subject=name) from None
    except TypeError:
        raise BadSettings(f"{where}: it holds `name: value` lines", subject=name) from None
    try:
        read_settings(WorkerSettings, engine.worker())
    except BadSettings as error:
        raise BadSettings(f"{where}: settings: {error.message}", subject=name) from None
    return engine


def _first(error: ValidationError, what: str, kind: type[BaseModel]) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(set(kind.model_fields) - {"name"}))
        return f"there is no setting {place}; {what} has: {known}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
