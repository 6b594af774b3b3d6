"""Hears speech with the Silero network, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon_orchestrator.onnx import Network, cpu_session
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

WINDOW_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)


class Silero:
    """The network, loaded and warm. Slow to build; all streams share one."""

    def __init__(self, folder: Path) -> None:
        # The variant without branches for other rates: the same answers, loaded in a seventh of the time.
        self._network = cpu_session(folder / "silero_vad_op18_ifless.onnx")
        self.stream().probability(np.zeros(WINDOW_SAMPLES, np.float32))

    def stream(self) -> SileroVad:
        """Ears for one more stream."""
        return SileroVad(self._network)


class SileroVad:
    """One stream's state: the network's memory and the end of the window before."""

    window_samples = WINDOW_SAMPLES

    def __init__(self, network: Network) -> None:
        self._network = network
        self._heard = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self._inputs: dict[str, npt.NDArray[Any]] = {
            "input": self._heard,
            "state": _silence(),
            "sr": np.array(EARS_RATE_HZ, np.int64),
        }

    def probability(self, window: HeardSamples) -> float:
        if len(window) != WINDOW_SAMPLES:
            raise ValueError(f"a window holds {WINDOW_SAMPLES} samples, not {len(window)}")
        self._heard[0, :_CONTEXT_SAMPLES] = self._heard[0, -_CONTEXT_SAMPLES:]
        self._heard[0, _CONTEXT_SAMPLES:] = window
        speech, self._inputs["state"] = self._network.run(None, self._inputs)
        return float(speech[0, 0])

    def reset(self) -> None:
        self._heard.fill(0)
        self._inputs["state"] = _silence()


def _silence() -> npt.NDArray[np.float32]:
    return np.zeros(_STATE_SHAPE, np.float32)
