"""WebRTC's own echo canceller, as LiveKit's SDK brings it: the extra `echo`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from antiphon_core.audio import Samples
from antiphon_core.errors import CannotLoad

from antiphon_orchestrator.ports import EARS_RATE_HZ


def load() -> Any:
    """The SDK. Slow the first time. Raises CannotLoad."""
    try:
        return import_module("livekit.rtc")
    except ImportError as error:
        raise CannotLoad(
            f"echo cancellation needs the package livekit ({error}); "
            "install it: pip install 'antiphon-orchestrator[echo]'",
            subject="echo_cancellation",
        ) from error


class WebrtcEchoProcessor:
    """An `EchoProcessor`."""

    def __init__(self) -> None:
        self._rtc = load()
        self._apm = self._rtc.AudioProcessingModule(echo_cancellation=True)

    def process(self, far: Samples, near: Samples) -> Samples:
        self._apm.process_reverse_stream(self._frame(far))
        frame = self._frame(near)
        self._apm.process_stream(frame)
        return np.frombuffer(bytes(frame.data), np.int16)

    def _frame(self, samples: Samples) -> Any:
        return self._rtc.AudioFrame(bytearray(samples.tobytes()), EARS_RATE_HZ, 1, len(samples))
