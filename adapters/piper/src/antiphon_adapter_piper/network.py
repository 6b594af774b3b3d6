"""Loading: from a pair of files to a Piper voice that can be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import onnxruntime
from antiphon_core.errors import CannotLoad
from piper import PiperVoice
from piper.config import PiperConfig
from piper.patch_voice_with_alignment import add_alignment_output

from antiphon_adapter_piper.shares import Shares

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def load_voice(network: Path, device: str, shares: Sequence[int], *, timings: bool) -> PiperVoice:
    """The voice in `network` and the `.json` beside it, on as many threads as `shares` has for so many at once."""
    provider = _provider(device)
    try:
        config = PiperConfig.from_dict(json.loads(Path(f"{network}.json").read_text(encoding="utf-8")))
        with _with_timings(network) if timings else nullcontext(network) as path:
            session = Shares(
                lambda count: onnxruntime.InferenceSession(str(path), _session_options(count), [provider]),
                shares,
            )
    except CannotLoad:
        raise
    except Exception as error:  # neither onnx nor onnxruntime has a class for files that are none of theirs
        raise CannotLoad(
            f"{network} cannot be loaded: {type(error).__name__}: {_first_line(error)}; it may have been cut short: "
            "fetch or copy the voice again",
            subject=str(network),
        ) from error
    return PiperVoice(session=session, config=config)


@contextmanager
def _with_timings(network: Path) -> Iterator[Path]:
    """The network with one more output, how long each phoneme is; in a file, as onnxruntime would keep bytes in memory
    for as long as the session lives."""
    model = onnx.load(str(network))
    lengths = {output for node in model.graph.node if node.op_type == "Ceil" for output in node.output}
    if len(lengths) != 1:
        raise CannotLoad(
            f"{network} does not tell how long its phonemes are; load it with the option timings=off, and its words "
            "are not marked",
            subject=str(network),
        )
    if not lengths & {output.name for output in model.graph.output}:
        add_alignment_output(model)
    with TemporaryDirectory() as folder:
        changed = Path(folder) / network.name
        onnx.save(model, str(changed))
        del model
        yield changed


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the processor from other utterances, and from the rest of the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What was learnt of one text's memory is of no use to the next, which has another length, and would be kept.
    options.enable_mem_pattern = False
    return options


def _provider(device: str) -> str:
    kind = device.partition(":")[0]
    available = onnxruntime.get_available_providers()
    provider = _PROVIDERS.get(kind, "")
    if provider not in available:
        raise CannotLoad(
            f"this onnxruntime does not run on {device!r}; it has: {', '.join(available)}. Set device to cpu, or "
            "install onnxruntime-gpu in the place of onnxruntime",
            subject=device,
            allowed=[name for name, provider in _PROVIDERS.items() if provider in available],
        )
    return provider


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]
