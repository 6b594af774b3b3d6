"""The caller as a program."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import cast

import numpy as np
from antiphon_orchestrator.cli.caller import FRAME_SAMPLES, RATE_HZ, Call, laid_out
from websockets.asyncio.client import ClientConnection


class Line:
    """Takes every message."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    async def send(self, message: str) -> None:
        self.messages.append(message)


async def test_what_is_said_is_kept_frame_behind_frame() -> None:
    line = Line()
    call = Call(cast(ClientConnection, line), time.monotonic())
    track = np.arange(1, 5 * FRAME_SAMPLES + 1, dtype=np.int16)
    await call.speak(track)
    starts = [start for start, _ in call.spoken]
    assert starts[0] >= 0
    assert all(abs(second - first - FRAME_SAMPLES) <= 1 for first, second in pairwise(starts))
    assert call.now_sample >= 4 * FRAME_SAMPLES, "a microphone does not run ahead of the clock"
    assert len(line.messages) == 5


def test_pieces_are_laid_out_at_their_places() -> None:
    loud = np.full(4, 9, np.int16)
    assert laid_out([(1, loud), (7, loud)], 9).tolist() == [0, 9, 9, 9, 9, 0, 0, 9, 9]
    assert laid_out([], RATE_HZ).any() == np.False_
