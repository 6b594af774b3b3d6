"""A recorded apology: made beforehand by any worker that lives, heard when none does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import structlog
from antiphon_core.audio import DEFAULT_RATE_HZ, Frame, PcmFormat
from antiphon_core.errors import AntiphonError
from antiphon_core.registry.base import Fleet
from antiphon_core.resample import Resampler

from antiphon_orchestrator.ports import Speech, VoiceChoice
from antiphon_orchestrator.splice import heard_once

log = structlog.get_logger(__name__)

_AGAIN_S = 2.0
_LONGEST_BYTES = 10 * DEFAULT_RATE_HZ * 2
"""Ten seconds: more is no apology."""


class RecordedApology:
    """One deployment's, in its default voice."""

    def __init__(self, fleet: Fleet, speech: Speech, text: str, choice: VoiceChoice) -> None:
        self._fleet = fleet
        self._speech = speech
        self._text = text
        self._choice = replace(choice, rate_hz=DEFAULT_RATE_HZ)
        self._pcm = b""

    def frames(self, rate_hz: int) -> Sequence[Frame]:
        """Empty as long as there is none."""
        if not self._pcm:
            return ()
        resampler, audio = Resampler(DEFAULT_RATE_HZ, rate_hz), PcmFormat(rate_hz)
        samples = np.concatenate((resampler.push(np.frombuffer(self._pcm, "<i2")), resampler.finish()))
        whole = len(samples) // audio.frame_samples * audio.frame_samples
        return [
            Frame(number, frame.tobytes(), audio.frame_samples)
            for number, frame in enumerate(samples[:whole].reshape(-1, audio.frame_samples))
        ]

    async def run(self) -> None:
        """Returns once it is recorded; nothing to say is recorded at once."""
        while self._text.strip() and not self._pcm:
            await self._somebody()
            try:
                self._pcm = await self._record()
            except AntiphonError as error:
                log.info("apology not recorded yet", reason=error.message)
                await asyncio.sleep(_AGAIN_S)

    async def _record(self) -> bytes:
        pcm = bytearray()
        events = self._speech.speak(self._text, self._choice, utterance_id="apology")
        async with aclosing(heard_once(events, DEFAULT_RATE_HZ)) as frames:
            async for frame in frames:
                pcm += frame.pcm
                if len(pcm) >= _LONGEST_BYTES:
                    break
        return bytes(pcm)

    async def _somebody(self) -> None:
        """Waits for a worker."""
        changed = asyncio.Event()
        forget = self._fleet.subscribe(changed.set)
        try:
            while not self._fleet.workers():
                changed.clear()
                await changed.wait()
        finally:
            forget()
