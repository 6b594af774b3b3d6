"""Opens ONNX models for the CPU, the way this house runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
from antiphon_core.errors import CannotLoad

_ERRORS_ONLY = 3


class Input(Protocol):
    """What a network takes: a name and its shape, where a word stands for any length."""

    name: str
    shape: Sequence[Any]


class Network(Protocol):
    """An onnxruntime session, as far as we use it."""

    def run(self, wanted: None, given: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[np.float32]]: ...

    def get_inputs(self) -> list[Input]: ...


def cpu_session(model: Path, *, threads: int = 1, arena: bool = True) -> Network:
    """A network that several threads may run at once, each run on `threads` of its own.

    `arena=False` gives memory back after every run: for models whose input may be long once and short ever after.
    """
    if not model.is_file():
        raise CannotLoad(f"{model} is missing; pull the model again", subject=str(model))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = _ERRORS_ONLY
    try:
        network: Network = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's conditions share no narrower class
        raise CannotLoad(
            f"onnxruntime {onnxruntime.__version__} cannot load {model}: {error}", subject=str(model)
        ) from error
    return network
