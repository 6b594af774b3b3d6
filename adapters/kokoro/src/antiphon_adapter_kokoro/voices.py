"""Kokoro's voices: their names say where they come from, and operators may blend them into new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antiphon_core.errors import BadSettings
from antiphon_core.models import VoiceInfo

NAMES = (
    *("af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river"),
    *("af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx"),
    *("am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george"),
    *("bm_lewis", "ef_dora", "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi"),
    *("if_sara", "im_nicola", "pf_dora", "pm_alex", "pm_santa"),
)
BLEND = "voice."
"""An option of this beginning makes a voice of others: `voice.duo=af_bella:0.6+am_adam:0.4`."""


@dataclass(frozen=True, slots=True)
class Accent:
    """What a name's first letter tells: BCP 47 tags, and what espeak calls the language."""

    languages: tuple[str, ...]
    espeak: str
    description: str


ACCENTS = {
    "a": Accent(("en-US", "en"), "en-us", "American English"),
    "b": Accent(("en-GB", "en"), "en-gb", "British English"),
    "e": Accent(("es-ES", "es"), "es", "Spanish"),
    "f": Accent(("fr-FR", "fr"), "fr-fr", "French"),
    "h": Accent(("hi-IN", "hi"), "hi", "Hindi"),
    "i": Accent(("it-IT", "it"), "it", "Italian"),
    "p": Accent(("pt-BR", "pt"), "pt-br", "Brazilian Portuguese"),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A voice: what hosts are told of it, how it reads, and the shares of the styles that it is made of."""

    info: VoiceInfo
    espeak: str
    shares: Mapping[str, float]


def recipes(options: Mapping[str, str]) -> dict[str, Recipe]:
    """Kokoro's own voices, then the operator's blends."""
    known = {name: _own(name) for name in NAMES}
    for option, written in options.items():
        name = option.removeprefix(BLEND)
        if name != option:
            known[name] = _blend(name, written)
    return known


def _own(name: str) -> Recipe:
    accent = ACCENTS[name[0]]
    description = f"{accent.description}, {'female' if name[1] == 'f' else 'male'}"
    return Recipe(VoiceInfo(name, accent.languages, description), accent.espeak, {name: 1.0})


def _blend(name: str, written: str) -> Recipe:
    shares = _shares(name, written)
    total = sum(shares.values())
    if not name or name in NAMES or "/" in name or name.split() != [name]:
        raise _bad(name, written, "its name is empty, taken, or holds a blank or a slash")
    accent = ACCENTS[next(iter(shares))[0]]
    info = VoiceInfo(name, accent.languages, f"{accent.description}, a blend: {written}")
    return Recipe(info, accent.espeak, {part: share / total for part, share in shares.items()})


def _shares(name: str, written: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for part in written.split("+"):
        voice, colon, share = part.strip().partition(":")
        if voice not in NAMES:
            raise _bad(name, written, f"there is no voice {voice!r}; there are: {', '.join(NAMES)}")
        try:
            shares[voice] = float(share) if colon else 1.0
        except ValueError:
            raise _bad(name, written, f"{share!r} is no number") from None
        if not 0 < shares[voice] < 1e6:
            raise _bad(name, written, f"the share of {voice} is {share}; a share is more than 0")
    return shares


def _bad(name: str, written: str, reason: str) -> BadSettings:
    return BadSettings(
        f"option {BLEND}{name} is {written!r}: {reason}. A blend is written voice.duo=af_bella:0.6+am_adam:0.4",
        subject=f"{BLEND}{name}",
        allowed=NAMES,
    )
