"""Settings of the server: every one by flag, by ANTIPHON_SERVER_* and by YAML file."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Literal

from antiphon_core.settings import LIVE, LayeredSettings, Options, Words
from antiphon_core.tls import TlsFiles
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from antiphon_orchestrator.api.realtime.webrtc_doors import Doors, check_address, check_server, ports_of

INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer in one or two short spoken sentences. "
    "Use plain words, no lists, no markdown, no emoji."
)
DEFAULT_ADAPTER = "hibari"
SPEECHLESS = "Sorry, I have lost my voice. I will go on in writing."
APOLOGY = "Sorry, I lost my train of thought. Could you say that again?"


def _live(default: Any, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra=LIVE, **limits)


class ServerSettings(LayeredSettings):
    """Read once; those marked live follow the file and count for sessions that begin later."""

    model_config = SettingsConfigDict(env_prefix="ANTIPHON_SERVER_")

    host: str = Field("127.0.0.1", description="address to listen on; anything but loopback needs api_keys")
    port: int = Field(8080, description="port to listen on; 0 picks a free one", ge=0, le=65535)
    processes: int = Field(
        1, description="processes that share the port (antiphon serve); each loads its own models", ge=1, le=64
    )
    tls_cert: Path | None = Field(
        None, description="certificate in PEM that callers are shown, its issuers after it: https and wss, with tls_key"
    )
    tls_key: Path | None = Field(None, description="its private key; both are read again when they change")
    tls_warn_days: float = _live(
        14.0, "a certificate, this one or one of the fleet, that counts for fewer days is warned of in the log", ge=0
    )
    api_keys: Words = Field((), description="keys that clients must show; several, so that they can be changed")
    open_to_all: bool = Field(False, description="serve without a key on an address that others can reach")
    origins: Words = Field((), description="web origins that may connect besides the page itself; * for all")

    registry: str = Field(
        "static://127.0.0.1:50051", description="where the speech workers are: static://HOST:PORT,... or redis://HOST"
    )
    fleet_ca: Path | None = Field(
        None,
        description="authority of the workers' certificates, in PEM: with fleet_cert and fleet_key, TLS to workers",
    )
    fleet_cert: Path | None = Field(None, description="certificate in PEM that workers are shown")
    fleet_key: Path | None = Field(None, description="its private key; these files are read again when they change")
    fleet_name: str = Field(
        "", description="name that every worker's certificate must be for; empty: the host of the worker's address"
    )
    voice: str = _live("", "voice of sessions that choose none: MODEL/VOICE, MODEL, or empty for a worker's default")
    voice_aliases: Options = Field(
        default_factory=dict, description="what voices that clients send by habit (alloy, ...) mean here: NAME=VOICE"
    )
    speech_aliases: Options = Field(default_factory=dict, description="speech models (tts-1, ...) likewise: NAME=MODEL")
    recogniser_aliases: Options = Field(
        default_factory=dict, description="recognisers (whisper-1, ...) likewise: NAME=NAME"
    )
    mind_aliases: Options = Field(
        default_factory=dict, description="language models (gpt-realtime, ...) likewise: NAME=NAME"
    )

    speechless_apology: str = Field(
        SPEECHLESS, description="recorded at the start, heard when no worker can speak; empty: say nothing"
    )
    routing: Literal["default", "cheapest-cpu", "fastest", "cloning"] = _live(
        "default", "which workers are preferred; `antiphon route --explain` shows what that means"
    )
    fallbacks: Options = Field(
        default_factory=dict,
        description="who may speak for a voice that is not in memory anywhere: VOICE=VOICE",
        json_schema_extra=LIVE,
    )

    recogniser: Literal["moonshine", "faster-whisper", "whisper", "openai"] = Field(
        "moonshine", description="what writes down what users say"
    )
    recogniser_url: str = Field("", description="base URL of an OpenAI-compatible recogniser")
    recogniser_key: SecretStr = Field(SecretStr(""), description="its API key")
    recogniser_model: str = Field(
        "", description="the model it shall use; for whisper and faster-whisper a folder that holds it"
    )
    turn_detector: Literal["smart-turn", "none"] = Field(
        "smart-turn", description="what hears that a sentence is finished; none: silence decides"
    )
    language: str = _live("", "language of sessions that name none, such as en; empty: the voice's")

    mind: Literal["local", "openai", "echo"] = Field("local", description="what answers")
    mind_url: str = Field(
        "", description="base URL of an OpenAI-compatible chat endpoint, such as http://host:11434/v1"
    )
    mind_key: SecretStr = Field(SecretStr(""), description="its API key")
    mind_model: str = Field("", description="the model it shall use")
    mind_threads: int = Field(2, description="CPU threads with which the local language model reads", ge=1)
    mind_stall_s: float = Field(8.0, description="a language model that gives nothing for so long has hung", gt=0)
    temperature: float | None = _live(None, "sampling temperature; empty: the language model's own", ge=0, le=2)
    instructions: str = _live(INSTRUCTIONS, "system prompt of sessions that bring none")
    apology: str = _live(APOLOGY, "said when the language model fails; empty: say nothing")
    context_tokens: int = _live(2_048, "how much conversation the language model is shown", ge=256)
    answer_tokens: int = _live(256, "longest answer", ge=16)

    call_addresses: Words = Field(
        (), description="IP addresses by which WebRTC callers reach this machine (NAT, container); empty: its own"
    )
    call_ports: str = Field("", description="UDP ports of WebRTC calls: FROM-TO; empty: any that is free")
    ice_servers: Words = Field(
        (), description="STUN and TURN servers that this server uses for calls: turn:HOST:PORT; empty: none"
    )
    ice_user: str = Field("", description="user name at the TURN server")
    ice_secret: SecretStr = Field(SecretStr(""), description="password there")
    echo_cancellation: bool = _live(
        False, "take the server's own voice out of what microphones send (extra `echo`); sessions may choose"
    )

    speculate: bool = _live(True, "prepare the answer at the first pause, before the turn is surely over")
    lead_ms: int = _live(60, "how far audio is sent ahead of when it is heard", ge=20, le=1_000)
    hold_mode: Literal["silence", "duck"] = _live("silence", "what the voice does while somebody speaks over it")
    idle_s: float = _live(600.0, "a session in which nobody speaks for so long ends; 0: never", ge=0)
    duration_s: float = _live(7_200.0, "a session ends after so long; 0: never", ge=0)
    resume_s: float = _live(0.0, "a conversation can be resumed for so long after its connection ended; 0: never", ge=0)
    keep: str = Field(
        "",
        description="where servers that stand for each other keep client secrets and conversations to resume: "
        "redis://HOST; empty: each in its own memory",
    )
    drain_s: float = _live(30.0, "how long turns and requests may take to finish after SIGTERM", ge=0)
    turns: int = _live(0, "a session ends after so many turns; 0: never", ge=0)

    max_sessions: int = _live(100, "conversations at once", ge=1)
    max_message_bytes: int = Field(16 * 1024 * 1024, description="longest message a client may send", ge=65_536)
    max_unread_bytes: int = _live(
        4 * 1024 * 1024, "a client that leaves more than this unread is hung up on", ge=65_536
    )
    max_text_chars: int = _live(4_096, "longest text of one speech request", ge=1)
    max_upload_bytes: int = _live(25 * 1024 * 1024, "largest recording to transcribe", ge=65_536)
    max_upload_s: float = _live(3_600.0, "longest recording to transcribe", gt=0)

    models_dir: Path | None = Field(None, description="where model files are kept (else the user's cache folder)")
    licences: Words = Field((), description="licences that models may have; empty: any")
    record_dir: Path | None = Field(None, description="keep a recording of every session here; empty: keep no audio")
    record_max_s: float = Field(3_600.0, description="longest recording of a session", gt=0, le=43_200)
    log_level: Literal["debug", "info", "warning", "error"] = _live("info", "least severe line that is logged")
    log_format: Literal["json", "console"] = Field("json", description="one JSON object a line, or for people")
    log_text: bool = _live(False, "log what is said")

    @field_validator("host")
    @classmethod
    def _address(cls, host: str) -> str:
        if not host:
            raise ValueError("it is empty; give an address such as 127.0.0.1 or 0.0.0.0")
        return host

    @field_validator("call_addresses")
    @classmethod
    def _addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_address(address) for address in addresses)

    @field_validator("call_ports")
    @classmethod
    def _ports(cls, ports: str) -> str:
        ports_of(ports)
        return ports

    @field_validator("ice_servers")
    @classmethod
    def _servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_server(server) for server in servers)

    @model_validator(mode="after")
    def _consistent(self) -> ServerSettings:
        if not (self.is_loopback or self.api_keys or self.open_to_all):
            raise ValueError(
                f"{self.host} can be reached from elsewhere: set api_keys, or open_to_all to serve everybody"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("TLS for callers takes tls_cert and tls_key together; one of them is not set")
        given = [path is not None for path in (self.fleet_ca, self.fleet_cert, self.fleet_key)]
        if any(given) != all(given) or (self.fleet_name and not all(given)):
            raise ValueError("TLS to workers takes fleet_ca, fleet_cert and fleet_key together; some are not set")
        if self.max_sessions < self.processes:
            raise ValueError(
                f"max_sessions is {self.max_sessions}, but there are {self.processes} processes: "
                "each holds a conversation at least; set fewer processes, or more sessions"
            )
        if self.mind == "openai" and not self.mind_url:
            raise ValueError("mind is openai: set mind_url to its base URL, such as http://127.0.0.1:11434/v1")
        if self.recogniser == "openai" and not self.recogniser_url:
            raise ValueError("recogniser is openai: set recogniser_url to its base URL")
        return self

    @property
    def fleet_files(self) -> TlsFiles | None:
        """None: workers are spoken to without TLS."""
        if self.fleet_ca is None or self.fleet_cert is None or self.fleet_key is None:
            return None
        return TlsFiles(self.fleet_ca, self.fleet_cert, self.fleet_key)

    @property
    def doors(self) -> Doors:
        """Where calls come in."""
        secret = self.ice_secret.get_secret_value()
        return Doors(self.call_addresses, ports_of(self.call_ports), self.ice_servers, self.ice_user, secret)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
