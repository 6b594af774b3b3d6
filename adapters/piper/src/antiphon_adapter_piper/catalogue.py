"""What the catalogue's voices are, told without fetching them: their names say language, speaker and quality."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from antiphon_core.models import ModelInfo, VoiceInfo

from antiphon_adapter_piper.description import describe, languages_of

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
RATES_HZ = {"x_low": 16_000, "low": 16_000, "medium": 22_050, "high": 22_050}
_NAME = re.compile(r"(?P<code>[a-z]+_[A-Z]+)-(?P<speaker>[^-]+)-(?P<quality>x_low|low|medium|high)")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def catalogued(*, timings: bool, copies: int) -> dict[str, ModelInfo]:
    """The models of catalogue.yaml; each has one speaker."""
    entries = yaml.load(CATALOGUE.read_text(encoding="utf-8"), _LOADER)["entries"]
    return {entry["id"]: _info(entry, timings, copies) for entry in entries}


def _info(entry: dict[str, Any], timings: bool, copies: int) -> ModelInfo:
    match = _NAME.fullmatch(entry["id"])
    if match is None:
        raise ValueError(f"{entry['id']!r} in {CATALOGUE.name} is not named LANGUAGE-SPEAKER-QUALITY")
    voice = VoiceInfo(match["speaker"], languages_of(match["code"]), entry["description"])
    return describe(
        entry["id"],
        (voice,),
        rate_hz=RATES_HZ[match["quality"]],
        licence=entry["licence"],
        network_bytes=entry["files"][0]["size_bytes"],
        timings=timings,
        copies=copies,
        files=entry["id"],
    )
