"""Dice: an utterance's own chance. torch has one for the whole process, which several utterances would share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_TURN = threading.Lock()
"""Whoever computes holds it: beside somebody else's steps a seed would promise nothing."""


class Dice:
    """Rolls as its seed says, step by step, whoever else rolls in between. Without a seed it rolls torch's own."""

    def __init__(self, seed: int | None, device: Any) -> None:
        self._seed = seed
        self._device = device
        self._states: tuple[Any, ...] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For one step of the engine."""
        with _TURN:
            if self._seed is None:
                yield
                return
            outside = self._now()
            try:
                self._enter()
                yield
                self._states = self._now()
            finally:
                self._set(outside)

    def _enter(self) -> None:
        import torch

        if self._states is None:
            torch.manual_seed(self._seed)
        else:
            self._set(self._states)

    def _now(self) -> tuple[Any, ...]:
        import torch

        on_device = (torch.cuda.get_rng_state(self._device),) if self._device.type == "cuda" else ()
        return (torch.get_rng_state(), *on_device)

    def _set(self, states: tuple[Any, ...]) -> None:
        import torch

        torch.set_rng_state(states[0])
        if len(states) > 1:
            torch.cuda.set_rng_state(states[1], self._device)
