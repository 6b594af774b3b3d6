"""Voices in the operator's own folders: every `NAME.onnx.json` with the `NAME.onnx` beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphon_core.errors import CannotLoad
from antiphon_core.models import ModelInfo, VoiceInfo

from antiphon_adapter_piper.description import describe, languages_of

SUFFIX = ".onnx.json"
UNNAMED = "default"
"""The voice of a model that names no speakers."""
_UNKNOWN_LICENCE = "LicenseRef-unknown"


@dataclass(frozen=True, slots=True)
class OwnVoice:
    """A pair of files. What is wrong with them is told when somebody wants to load them: one bad file shall not keep
    the good ones from being listed."""

    info: ModelInfo
    network: Path
    fault: str = ""

    def require_sound(self) -> None:
        if self.fault:
            raise CannotLoad(f"model {self.info.id!r} cannot be loaded: {self.fault}", subject=str(self.network))


def own_voices(folders: Iterable[Path], *, timings: bool, copies: int) -> dict[str, OwnVoice]:
    """All of them by id, in folders within the folders too. Of two with one name the first counts."""
    found: dict[str, OwnVoice] = {}
    for folder in folders:
        for path in sorted(folder.rglob(f"*{SUFFIX}")):
            found.setdefault(path.name.removesuffix(SUFFIX), _read(path, timings, copies))
    return found


def _read(path: Path, timings: bool, copies: int) -> OwnVoice:
    network = path.with_suffix("")
    model_id = path.name.removesuffix(SUFFIX)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        info = _info(model_id, written, network, _revision(path, network), timings, copies)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fault = f"{path} is no Piper configuration: {type(error).__name__}: {error}"
        return OwnVoice(_placeholder(model_id), network, fault)
    if not network.is_file():
        return OwnVoice(info, network, f"{network.name} is missing; {path.name} in {path.parent} is of no use alone")
    return OwnVoice(info, network)


def _info(
    model_id: str, written: dict[str, Any], network: Path, revision: str, timings: bool, copies: int
) -> ModelInfo:
    languages = languages_of(written.get("language", {}).get("code") or written["espeak"]["voice"].split("-")[0])
    speakers = written.get("speaker_id_map") or {}
    count = int(written["num_speakers"])
    unnamed = [str(number) for number in range(count)] if count > 1 else [written.get("dataset") or UNNAMED]
    names = sorted(speakers, key=speakers.__getitem__) or unnamed
    if len(names) != count:
        raise ValueError(f"it names {len(names)} speakers and says that there are {count}")
    return describe(
        model_id,
        tuple(VoiceInfo(_plain(name), languages) for name in names),
        rate_hz=int(written["audio"]["sample_rate"]),
        licence=str(written.get("licence") or _UNKNOWN_LICENCE),
        network_bytes=network.stat().st_size if network.is_file() else 1,
        timings=timings,
        copies=copies,
        revision=revision,
    )


def _plain(name: str) -> str:
    """A speaker's name as part of a public id, which holds no blanks and parts the voice off by a slash."""
    return "_".join(name.replace("/", " ").split()) or UNNAMED


def _revision(*paths: Path) -> str:
    """Changes when the files do."""
    stats = [path.stat() for path in paths if path.is_file()]
    return "-".join(f"{stat.st_mtime_ns:x}.{stat.st_size:x}" for stat in stats)


def _placeholder(model_id: str) -> ModelInfo:
    """Stands for a model whose configuration cannot be read."""
    voices = (VoiceInfo(UNNAMED, ("und",)),)
    return describe(
        model_id, voices, rate_hz=22_050, licence=_UNKNOWN_LICENCE, network_bytes=1, timings=False, copies=1
    )
