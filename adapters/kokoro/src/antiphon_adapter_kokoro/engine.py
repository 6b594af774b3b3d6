"""Loading: the network on so many threads, and the engine around it."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from antiphon_core.errors import CannotLoad
from kokoro_onnx import Kokoro

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def load_engine(network: Path, device: str, threads: int) -> Kokoro:
    """The engine without voices: styles are handed to it utterance by utterance, so that they can be blended."""
    # Its reader of texts warns of every text whose words run together in speech, which many do.
    logging.getLogger("phonemizer").setLevel(logging.ERROR)
    provider = _provider(device)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the processor from other utterances, and from the rest of the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(network), sess_options=options, providers=[provider])
    except Exception as error:  # onnxruntime's own errors have no common class
        raise CannotLoad(f"{network} cannot be loaded: {str(error)[:300]}", subject=str(network)) from error
    with TemporaryDirectory() as folder:
        no_voices = Path(folder) / "voices.npz"
        np.savez(no_voices)
        engine = Kokoro.from_session(session, str(no_voices))
        engine.voices.close()
    return engine


def _provider(device: str) -> str:
    available = onnxruntime.get_available_providers()
    provider = _PROVIDERS.get(device.partition(":")[0], "")
    if provider not in available:
        raise CannotLoad(
            f"this onnxruntime does not run on {device!r}; it has: {', '.join(available)}. Set device to cpu, or "
            "install onnxruntime-gpu in the place of onnxruntime",
            subject=device,
            allowed=[name for name, provider in _PROVIDERS.items() if provider in available],
        )
    return provider
