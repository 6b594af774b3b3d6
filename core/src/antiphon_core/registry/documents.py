"""Documents: what a worker writes about itself into a registry, as JSON with a version.

A reader takes what it knows and passes over the rest, so that workers of a newer release can join an older fleet.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any, TypeVar

from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import Limits, Load, ModelState, ModelStatus, WorkerDescription, WorkerRecord

FORMAT = 1
"""Changes when a reader of the old one would misunderstand."""

_T = TypeVar("_T")


class BadDocument(ValueError):
    """What was read is not what this release writes or understands."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life. `revision` names the document that counts; it came along if it is new. `gone`: the last one."""

    worker_id: str
    number: int = 0
    revision: str = ""
    load: Load = field(default_factory=Load)
    gone: bool = False
    record: WorkerRecord | None = None


def write_document(record: WorkerRecord) -> str:
    """All of a worker but its load, which beats bring."""
    worker = asdict(replace(record.description, load=Load()))
    del worker["load"]
    return _dumped({"format": FORMAT, "address": record.address, "tls": record.tls, "worker": worker})


def revision_of(document: str) -> str:
    """The same for equal documents only."""
    return hashlib.blake2s(document.encode(), digest_size=6).hexdigest()


def read_document(text: str | bytes, load: Load) -> WorkerRecord:
    """Raises BadDocument."""
    try:
        document = _loaded(text)
        return _record(document, load)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDocument(f"no worker's document: {error!r}") from None


def write_beat(beat: Beat, document: str = "") -> str:
    """`document`: what watchers do not know yet."""
    if beat.gone:
        return _dumped({"format": FORMAT, "id": beat.worker_id, "gone": True})
    text = _dumped(
        {
            "format": FORMAT,
            "id": beat.worker_id,
            "number": beat.number,
            "revision": beat.revision,
            "load": asdict(beat.load),
        }
    )
    return f'{text[:-1]},"document":{document}}}' if document else text


def read_beat(text: str | bytes) -> Beat:
    """Raises BadDocument."""
    try:
        content = _loaded(text)
        if content.get("gone"):
            return Beat(str(content["id"]), gone=True)
        load = _known(Load, content["load"])
        document = content.get("document")
        record = _record(document, load) if document is not None else None
        return Beat(str(content["id"]), int(content["number"]), str(content["revision"]), load, record=record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDocument(f"no worker's beat: {error!r}") from None


def _loaded(text: str | bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text)
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']} was written by another release; this one knows {FORMAT}")
    return content


def _dumped(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"), sort_keys=True, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(_plain(member) for member in value)  # type: ignore[type-var]
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} has no form in JSON")


def _record(document: Mapping[str, Any], load: Load) -> WorkerRecord:
    worker = document["worker"]
    description = _known(
        WorkerDescription,
        worker,
        models=tuple(_status(status) for status in worker["models"]),
        limits=_known(Limits, worker["limits"]),
        load=load,
    )
    return WorkerRecord(str(document["address"]), description, bool(document.get("tls")))


def _status(content: Mapping[str, Any]) -> ModelStatus:
    info = content["info"]
    known = {capability.value for capability in Capability}
    voices = tuple(_known(VoiceInfo, voice, languages=tuple(voice["languages"])) for voice in info["voices"])
    capabilities = frozenset(Capability(name) for name in info["capabilities"] if name in known)
    states = {state.value: state for state in ModelState}
    state = states.get(content["state"], ModelState.AVAILABLE)
    known_info = _known(ModelInfo, info, voices=voices, capabilities=capabilities)
    return _known(ModelStatus, content, info=known_info, state=state)


def _known(kind: type[_T], content: Mapping[str, Any], **given: Any) -> _T:
    names = {known.name for known in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**{name: value for name, value in content.items() if name in names}, **given})
