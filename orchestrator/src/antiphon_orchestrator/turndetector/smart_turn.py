"""Hears with the smart-turn network whether a speaker has finished."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from antiphon_orchestrator.enginepool import EnginePool, Stopped
from antiphon_orchestrator.onnx import cpu_session
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.turndetector.features import LOOKBACK_SAMPLES, log_mel


class SmartTurn:
    """The network, loaded and warm, with threads to run it. Slow to build; all sessions share one."""

    def __init__(self, folder: Path, *, running: int = 2, waiting: int = 64) -> None:
        self._network = cpu_session(folder / "smart-turn-v3.2-cpu.onnx")
        self._pool = EnginePool("smart-turn", running=running, waiting=waiting)
        self._judge(np.zeros(LOOKBACK_SAMPLES, np.float32))

    async def finished_probability(self, turn: HeardSamples) -> float:
        recent = turn[-LOOKBACK_SAMPLES:].copy()

        def judge(stopped: Stopped) -> float:
            return self._judge(recent)

        return await self._pool.run(judge)

    def close(self) -> None:
        self._pool.close()

    def _judge(self, turn: HeardSamples) -> float:
        (finished,) = self._network.run(None, {"input_features": log_mel(turn)[None]})
        return float(finished[0, 0])
