"""Moonshine's two networks, and the loop that has the second write down what the first heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon_orchestrator.onnx import cpu_session
from antiphon_orchestrator.ports import HeardSamples

_START, _END = 1, 2


class MoonshineNetworks:
    """Loaded and ready for several threads at once. Slow to build."""

    def __init__(self, folder: Path) -> None:
        # No arena: one long recording would keep a hundred megabytes for good, and saves no time.
        self._encoder = cpu_session(folder / "encoder_model.ort", arena=False)
        self._decoder = cpu_session(folder / "decoder_model_merged.ort", arena=False)
        memories = [given for given in self._decoder.get_inputs() if given.name.startswith("past_key_values.")]
        self._memories = [memory.name for memory in memories]
        _, heads, _, width = memories[0].shape
        self._nothing = np.zeros((0, heads, 1, width), np.float32)

    def tokens(self, audio: HeardSamples, stopped: Callable[[], bool]) -> Iterator[int]:
        """What was said, piece by piece, always the likeliest one. Ends early once `stopped`."""
        everything = np.ones((1, len(audio)), np.int64)
        (heard,) = self._encoder.run(None, {"input_values": audio[None], "attention_mask": everything})
        given: dict[str, npt.NDArray[Any]] = dict.fromkeys(self._memories, self._nothing)
        given |= {"encoder_hidden_states": heard, "encoder_attention_mask": everything}
        token, first = _START, True
        while not stopped():
            given["input_ids"] = np.array([[token]], np.int64)
            given["use_cache_branch"] = np.array([not first])
            scores, *grown = self._decoder.run(None, given)
            token = int(scores[0, -1].argmax())
            if token == _END:
                return
            yield token
            # What the decoder remembers of the audio comes with its first answer only; what it wrote grows.
            fresh = zip(self._memories, grown, strict=True)
            given |= {name: value for name, value in fresh if first or ".decoder." in name}
            first = False
