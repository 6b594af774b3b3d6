"""Recordings of sessions, where a deployment wants them: what both sides said as stereo WAV, and the events beside it.

The user is left, the assistant right, as they were heard at the server. Sound and events wait in memory until the
recorder writes them, once a second and beside the event loop. A recording that cannot be written ends; the session
does not.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from antiphon_core.audio import Samples
from antiphon_core.resample import Resampler

from antiphon_orchestrator.api.encoding import wav_header
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.session.outlet import Outlet, ResponseSheet

log = structlog.get_logger(__name__)

_FLUSH_S = 1.0
_JITTER = EARS_RATE_HZ // 5
"""Sound that comes so little late follows what came before without a gap."""
_ON_ITS_WAY = EARS_RATE_HZ // 2
_MAX_WAITING = 60 * EARS_RATE_HZ
_MAX_WAITING_EVENTS = 10_000
_RATES_HZ = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}


class _Track:
    """One side's sound: what was not written yet, and where on the recording's timeline it ends."""

    def __init__(self) -> None:
        self._waiting: list[Samples] = []
        self._written = 0
        self.end = 0

    @property
    def waiting(self) -> int:
        return self.end - self._written

    def add(self, at: int, samples: Samples) -> None:
        """Overflow: what is further ahead than can be kept is left out."""
        if at - self.end > _JITTER:
            self._append(np.zeros(at - self.end, np.int16))
        if self.waiting + len(samples) <= _MAX_WAITING:
            self._append(samples)

    def take(self, until: int) -> Samples:
        """What lies before `until`, silence where there is nothing."""
        until = max(until, self._written)
        if self.end < until:
            self._append(np.zeros(until - self.end, np.int16))
        waiting: Samples = np.concatenate([np.zeros(0, np.int16), *self._waiting])
        taken, rest = waiting[: until - self._written], waiting[until - self._written :]
        self._waiting, self._written = [rest], until
        return taken

    def _append(self, samples: Samples) -> None:
        self._waiting.append(samples)
        self.end += len(samples)


class Recording:
    """One session's, and the outlet it speaks through: passes everything on and keeps it."""

    def __init__(self, outlet: Outlet, path: Path, max_s: float, clock_ms: Callable[[], int]) -> None:
        self._outlet = outlet
        self._path = path
        self._max_samples = round(max_s * EARS_RATE_HZ)
        self._clock_ms = clock_ms
        self._began_ms = clock_ms()
        self._user, self._assistant = _Track(), _Track()
        self._resampler: tuple[int, Resampler] | None = None
        self._events: list[str] = []
        self._bytes = 0
        self.over = False
        """Nothing is kept any more: the session has ended, the recording is long enough, or it cannot be written."""

    def hear(self, samples: HeardSamples) -> None:
        """What the user's side sent."""
        if not self.over:
            pcm = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)
            self._user.add(self._now - len(pcm), pcm)

    def event(self, type_: str, /, **fields: Any) -> None:
        self._outlet.event(type_, **fields)
        if not self.over and len(self._events) < _MAX_WAITING_EVENTS:
            at_ms = self._clock_ms() - self._began_ms
            self._events.append(json.dumps({"at_ms": at_ms, "type": type_, **fields}) + "\n")

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self._outlet.audio(sheet, item_id, pcm)
        if not self.over:
            resampler = self._resampler_from(_RATES_HZ[sheet.media_type])
            self._assistant.add(self._now, resampler.push(np.frombuffer(pcm, "<i2").astype(np.int16)))

    def close(self, code: int, reason: str) -> None:
        self._outlet.close(code, reason)

    @property
    def waiting_samples(self) -> int:
        return max(self._user.waiting, self._assistant.waiting)

    @property
    def waiting_events(self) -> int:
        return len(self._events)

    def take(self) -> tuple[bytes, str]:
        """What is to be written now: stereo sound, and lines of events."""
        now = min(self._now, self._max_samples)
        self.over = self.over or now == self._max_samples
        # What is on its way may still come, as long as there is time for it.
        end = now if self.over else now - _ON_ITS_WAY
        sound = np.stack((self._user.take(end), self._assistant.take(end)), axis=1)
        events, self._events = "".join(self._events), []
        return sound.astype("<i2").tobytes(), events

    def write(self, sound: bytes, events: str) -> None:
        """Appends it to the files; raises OSError. Waits for the disk."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._bytes += len(sound)
        with _private(self._path.with_suffix(".wav")).open("r+b") as file:
            file.write(wav_header(EARS_RATE_HZ, self._bytes, channels=2))
            file.seek(0, os.SEEK_END)
            file.write(sound)
        with _private(self._path.with_suffix(".jsonl")).open("a") as file:
            file.write(events)

    @property
    def _now(self) -> int:
        return (self._clock_ms() - self._began_ms) * EARS_RATE_HZ // 1000

    def _resampler_from(self, rate_hz: int) -> Resampler:
        if self._resampler is None or self._resampler[0] != rate_hz:
            self._resampler = rate_hz, Resampler(rate_hz, EARS_RATE_HZ)
        return self._resampler[1]


def _private(path: Path) -> Path:
    """The file, which only its owner may read."""
    path.touch(mode=0o600)
    return path


class Recorder:
    """All recordings of a server. `run` writes them."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._recordings: set[Recording] = set()

    def record(self, outlet: Outlet, path: Path, max_s: float) -> Recording:
        """Begins one; say that it is `over` when its session is."""
        recording = Recording(outlet, path, max_s, self._clock_ms)
        self._recordings.add(recording)
        return recording

    async def run(self) -> None:
        """Until cancelled; what still waits is written then."""
        try:
            while True:
                await asyncio.sleep(_FLUSH_S)
                for recording in tuple(self._recordings):
                    part = self._part_of(recording)
                    await asyncio.to_thread(_write, recording, *part)
        finally:
            for recording in tuple(self._recordings):
                _write(recording, *self._part_of(recording))

    def _part_of(self, recording: Recording) -> tuple[bytes, str]:
        part = recording.take()
        if recording.over:
            self._recordings.discard(recording)
        return part


def _write(recording: Recording, sound: bytes, events: str) -> None:
    try:
        recording.write(sound, events)
    except OSError as error:
        recording.over = True
        log.error("recording failed", reason=str(error))
