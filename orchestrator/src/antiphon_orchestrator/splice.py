"""Splicing: where another engine goes on with a word that is partly heard already, so that it is said once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon_core.audio import Frame, PcmFormat

from antiphon_orchestrator.ports import Handover, SpeechEvent

STUB_MS = 60
"""So little of a word is no word yet: it is said again from its beginning."""


def frames_to_skip(heard_samples: int, made_samples: int, audio: PcmFormat) -> int:
    """How much the new engine's audio goes over what there is. 0: begin at the word's start instead, and void the rest.

    Both are counted from where the word begins. What was made is kept if the word has begun to be heard: it goes on
    while the new engine gets ready, and that one goes on from there.
    """
    if audio.ms(heard_samples) < STUB_MS:
        return 0
    return round(made_samples / audio.frame_samples)


async def heard_once(events: AsyncGenerator[SpeechEvent, None], rate_hz: int) -> AsyncGenerator[Frame, None]:
    """The frames of an utterance for a listener who can take nothing back."""
    audio, made, skip, shift = PcmFormat(rate_hz), 0, 0, 0
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Handover):
                begun = made - event.sample_offset - shift
                skip = frames_to_skip(begun, begun, audio)
                shift = made - skip * audio.frame_samples - event.sample_offset
            elif isinstance(event, Frame):
                if skip:
                    skip -= 1
                    continue
                made += audio.frame_samples
                yield event
