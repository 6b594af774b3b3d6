"""Settings of a worker: every one by flag, by ANTIPHON_WORKER_* and by YAML file."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Literal

from pydantic import ByteSize, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from antiphon_core.settings import LIVE, LayeredSettings, Options, Paths, Words
from antiphon_core.tls import TlsFiles
from antiphon_core.worker.admission import Places
from antiphon_core.worker.eviction import Policy
from antiphon_core.worker.trim import TrimSettings
from antiphon_core.worker.utterances import UtteranceLimits


def _live(default: Any, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra=LIVE, **limits)


class WorkerSettings(LayeredSettings):
    """Read once; those marked live follow the file while the worker runs."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHON_WORKER_")

    adapter: str = Field(description="the engine to host: the name of an installed adapter")
    models: Words = Field(
        (), description="models to load at start; the first is the default (else the adapter's first)"
    )
    device: str = Field("cpu", description="where models run: cpu, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?|mps)$")
    threads: int = Field(1, description="CPU threads that one utterance may use", ge=1)
    options: Options = Field(default_factory=dict, description="the engine's own settings, KEY=VALUE")
    own_dirs: Paths = Field((), description="folders with models and voices of your own")
    models_dir: Path | None = Field(None, description="where model files are kept (else the user's cache folder)")
    licences: Words = Field((), description="licences that models may have; empty: any")

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all (who may call: tls_client_ca)")
    port: int = Field(50051, description="port to listen on; 0 picks a free one", ge=0, le=65535)
    tls_cert: Path | None = Field(None, description="certificate in PEM: with a key and tls_client_ca, TLS both ways")
    tls_key: Path | None = Field(None, description="its private key; these files are read again when they change")
    tls_client_ca: Path | None = Field(None, description="authority that a server's certificate must come from")
    tls_warn_days: float = _live(14.0, "a certificate that counts for fewer days is warned of in the log", ge=0)
    health_port: int | None = Field(
        None, description="port for gRPC health checks without TLS, and nothing else; 0 picks one", ge=0, le=65535
    )
    metrics_port: int | None = Field(None, description="port for Prometheus /metrics; 0 picks one", ge=0, le=65535)
    name: str = Field("", description="the worker's name, unique in its fleet (else HOST-ADAPTER-PORT)")
    advertise: str = Field("", description="host:port at which others reach this worker (else HOSTNAME:PORT)")
    registry: str = Field(
        "static://", description="where to announce this worker, such as redis://HOST; static://: nowhere"
    )

    max_parallel_loads: int = Field(1, description="models that may be loading at once", ge=1)
    max_resident: int = _live(0, "models in memory at most; 0: any number", ge=0)
    max_resident_bytes: ByteSize = _live(ByteSize(0), "memory that models may take, such as 6GB; 0: any", ge=0)
    idle_ttl_s: float = _live(0.0, "unload a model that was not loaded at start after so long idle; 0: never", ge=0)
    min_residency_s: float = _live(10.0, "a model stays at least so long before it makes room for another", ge=0)
    load_timeout_s: float = _live(300.0, "a model that takes longer to load has hung", gt=0)

    max_in_flight: int = _live(0, "utterances that speak at once over all models; 0: the models' own limits", ge=0)
    max_queue: int = _live(16, "utterances that may wait for a place", ge=0)
    max_text_bytes: int = _live(32_768, "longest text of one utterance, in bytes of UTF-8", ge=1)
    lead_ms: int = _live(
        400, "how far speech is made ahead of what the client took; further where an engine needs it", ge=20, le=10_000
    )
    stall_s: float = _live(15.0, "an engine that gives nothing for so long has hung", gt=0)
    client_idle_s: float = _live(60.0, "an utterance ends if its client neither reads nor writes for so long", gt=0)

    drain_s: float = _live(30.0, "how long running utterances may take to finish after SIGTERM", ge=0)
    exit_on_stall: bool = _live(True, "end with status 70 when an engine hangs, for a supervisor to start afresh")
    level: bool = _live(True, "bring every voice to about -16 LUFS")
    trim: bool = _live(True, "take silence off both ends of what an engine says")
    log_level: Literal["debug", "info", "warning", "error"] = _live("info", "least severe line that is logged")
    log_format: Literal["json", "console"] = Field("json", description="one JSON object a line, or for people")
    log_text: bool = _live(False, "log the texts that are spoken")

    @field_validator("options", mode="after")
    @classmethod
    def _named(cls, options: dict[str, str]) -> dict[str, str]:
        if "" in options:
            raise ValueError("an option has no name; write KEY=VALUE")
        return options

    @model_validator(mode="after")
    def _whole(self) -> WorkerSettings:
        given = [path is not None for path in (self.tls_cert, self.tls_key, self.tls_client_ca)]
        if any(given) and not all(given):
            raise ValueError("TLS takes tls_cert, tls_key and tls_client_ca together; some of them are not set")
        return self

    @property
    def tls_files(self) -> TlsFiles | None:
        """None: without TLS."""
        if self.tls_client_ca is None or self.tls_cert is None or self.tls_key is None:
            return None
        return TlsFiles(self.tls_client_ca, self.tls_cert, self.tls_key)

    @property
    def policy(self) -> Policy:
        return Policy(self.max_resident, int(self.max_resident_bytes), self.idle_ttl_s, self.min_residency_s)

    @property
    def places(self) -> Places:
        return Places(self.max_in_flight, self.max_queue)

    @property
    def utterance_limits(self) -> UtteranceLimits:
        return UtteranceLimits(
            max_text_bytes=self.max_text_bytes,
            lead_ms=self.lead_ms,
            stall_s=self.stall_s,
            client_idle_s=self.client_idle_s,
            level=self.level,
            trim=TrimSettings(enabled=self.trim),
            log_text=self.log_text,
        )

    def named(self, port: int) -> str:
        """The worker's name, once its port is known."""
        return self.name or f"{socket.gethostname()}-{self.adapter}-{port}"

    def address(self, port: int) -> str:
        """Where others reach it."""
        return self.advertise or f"{socket.gethostname() if self.host == '0.0.0.0' else self.host}:{port}"
