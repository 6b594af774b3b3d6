"""Models an operator brings along: one `NAME.tone.json` each in a models folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon_core.models import ModelInfo

SUFFIX = ".tone.json"


@dataclass(frozen=True, slots=True)
class DiskModel:
    """A model file, read."""

    info: ModelInfo
    pitch_hz: float
    options: dict[str, str]


def models(folders: Iterable[Path], like: ModelInfo) -> Iterator[DiskModel]:
    """What lies in the folders. A file changes what it names in `like`, and may hold `pitch_hz` and `options`."""
    for folder in folders:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            content = path.read_bytes()
            changes = json.loads(content)
            pitch_hz, options = changes.pop("pitch_hz", 0.0), changes.pop("options", {})
            revision = hashlib.sha256(content).hexdigest()[:12]
            info = replace(like, id=path.name.removesuffix(SUFFIX), revision=revision, **changes)
            yield DiskModel(info, pitch_hz, options)
