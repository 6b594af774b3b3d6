"""What every recogniser refuses, in the same words."""

from __future__ import annotations

from collections.abc import Collection

from antiphon_core.errors import BadRequest, Unsupported

from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples


def require_short(audio: HeardSamples, max_samples: int) -> None:
    if len(audio) > max_samples:
        raise BadRequest(
            f"the audio lasts {len(audio) / EARS_RATE_HZ:.1f} s; this recogniser takes at most "
            f"{max_samples / EARS_RATE_HZ:.0f} s at a time: cut it at a pause"
        )


def require_language(tag: str, known: Collection[str], recogniser: str) -> str:
    """The language of a tag such as "en-GB" as recognisers name it, "en"; empty for none."""
    language = tag.partition("-")[0].lower()
    if language and language not in known:
        raise Unsupported(
            f"{recogniser} does not understand {tag!r}, only: {', '.join(sorted(known))}; take another model",
            subject=tag,
            allowed=sorted(known),
        )
    return language
