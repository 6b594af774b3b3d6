"""Loading a pack: everything that is wrong with it is told at once, before any weights are read."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon_core.errors import CannotLoad
from antiphon_core.models import AdapterSettings

from antiphon_adapter_cosyvoice.clip import BadClip, Clip, check_transcript, read_clip
from antiphon_adapter_cosyvoice.model import CosyVoice, Loaded
from antiphon_adapter_cosyvoice.networks import checked_device, load_networks
from antiphon_adapter_cosyvoice.options import EngineOptions
from antiphon_adapter_cosyvoice.pack import Mode, Pack
from antiphon_adapter_cosyvoice.reference import Listener, saved_reference
from antiphon_adapter_cosyvoice.text import learn_to_spell


def load(pack: Pack, device: str, settings: AdapterSettings) -> CosyVoice:
    """The model of a pack."""
    options = EngineOptions.read(settings.options)
    clips = checked_clips(pack)
    import torch

    torch.set_num_threads(settings.threads)
    learn_to_spell(language for voice in pack.voices for language in voice.languages)
    networks = load_networks(pack, checked_device(device), options)
    listener = Listener(pack, networks, settings.threads)
    references = {
        voice.id: listener.reference(voice, clips[voice.id])
        if voice.id in clips
        else saved_reference(pack, voice, networks.device)
        for voice in pack.voices
    }
    return CosyVoice(pack.info(), Loaded(networks, listener, references))


def checked_clips(pack: Pack) -> dict[str, Clip]:
    """The clips by voice; raises with everything that the pack lacks."""
    if lines := pack.missing():
        raise _cannot_load(pack, lines)
    clips: dict[str, Clip] = {}
    for voice in pack.voices:
        if voice.clip is None:
            continue
        try:
            clips[voice.id] = clip = read_clip(voice.clip)
            if voice.mode is Mode.ZERO_SHOT:
                check_transcript(voice.transcript, clip)
        except BadClip as error:
            lines.append(f"voice {voice.id!r}: {voice.clip}: {error}")
    if lines:
        raise _cannot_load(pack, lines)
    return clips


def _cannot_load(pack: Pack, lines: Sequence[str]) -> CannotLoad:
    return CannotLoad(
        "\n  ".join([f"voice pack {pack.id!r} in {pack.folder} cannot be used:", *lines]), subject=pack.id
    )
