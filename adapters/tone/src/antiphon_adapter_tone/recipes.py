"""Which models there are: four of our own, and one for every `NAME.tone.json` in the operator's folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from antiphon_core.models import Capability, ModelInfo, VoiceInfo

PITCHES_HZ = {"alto": 200.0, "bass": 110.0, "tenor": 150.0, "sopran": 260.0}
TONE = ModelInfo(
    id="tone",
    voices=(
        VoiceInfo("alto", ("en-US", "en"), "the default"),
        VoiceInfo("bass", ("en-GB", "en"), "low"),
        VoiceInfo("tenor", ("en-US", "en", "de-DE", "de"), "in two languages"),
        VoiceInfo("sopran", ("de-DE", "de"), "high"),
    ),
    native_rate_hz=24_000,
    licence="Apache-2.0",
    size_bytes=1_000_000,
    max_concurrency=8,
    capabilities=frozenset(
        {Capability.WORD_TIMINGS, Capability.STREAMING_TEXT, Capability.SPEED, Capability.CPU_OK},
    ),
)
SUFFIX = ".tone.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model: its description, and what it is made of."""

    info: ModelInfo
    options: dict[str, str] = field(default_factory=dict)
    pitches_hz: dict[str, float] = field(default_factory=lambda: PITCHES_HZ)


BUILT_IN = (
    Recipe(TONE),
    Recipe(replace(TONE, id="tone-slow"), {"load_ms": "300", "rtf": "0.5"}),
    Recipe(replace(TONE, id="tone-big", size_bytes=4_000_000_000)),
    Recipe(replace(TONE, id="tone-solo", max_concurrency=1)),
)


def recipes(folders: Iterable[Path]) -> dict[str, Recipe]:
    """All models by id; a file replaces one of our own that has its name."""
    on_disk = (_read(path) for folder in folders for path in sorted(folder.glob(f"*{SUFFIX}")))
    return {recipe.info.id: recipe for recipe in (*BUILT_IN, *on_disk)}


def _read(path: Path) -> Recipe:
    """A file changes what it names in tone's description, and may hold `options` and one `pitch_hz` for all voices."""
    content = path.read_bytes()
    changes = json.loads(content)
    options, pitch_hz = changes.pop("options", {}), changes.pop("pitch_hz", None)
    revision = hashlib.sha256(content).hexdigest()[:12]
    info = replace(TONE, id=path.name.removesuffix(SUFFIX), revision=revision, **changes)
    return Recipe(info, options, dict.fromkeys(PITCHES_HZ, pitch_hz) if pitch_hz else PITCHES_HZ)
