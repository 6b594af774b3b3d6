"""Networks: a model's weights in memory, on the device that was asked for."""

from __future__ import annotations

import contextlib
import gc
import io
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from antiphon_core.errors import CannotLoad

from antiphon_adapter_cosyvoice.options import EngineOptions
from antiphon_adapter_cosyvoice.pack import NETWORKS, RATE_HZ, Pack

TRT_ESTIMATOR = "flow.decoder.estimator.fp32.onnx"
_TRT_SHAPES = {"min_shape": 4, "opt_shape": 500, "max_shape": 3000}
"""Mel frames: what TensorRT is to expect."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Text to speech tokens (llm), those to a spectrum (flow), that to sound (hift); and what reads text and clips."""

    device: Any
    llm: Any
    flow: Any
    hift: Any
    tokenizer: Any
    mel: Any
    fp16: bool = False

    def precision(self) -> Any:
        """The context in which llm and flow run."""
        import torch

        return torch.cuda.amp.autocast() if self.fp16 else contextlib.nullcontext()


def load_networks(pack: Pack, device: Any, options: EngineOptions) -> Networks:
    """From the pack's files alone: nothing is fetched."""
    _check_runtime(pack, device, options)
    with quiet_engine(), _chance_kept():
        parts = _build(pack)
        for network in NETWORKS:
            _fill(parts[network], pack, network)
    if options.fp16:
        parts["llm"].half()
        parts["flow"].half()
    for network in NETWORKS:
        parts[network].to(device).eval()
    networks = Networks(
        device=device,
        llm=parts["llm"],
        flow=parts["flow"],
        hift=parts["hift"],
        tokenizer=parts["get_tokenizer"](),
        mel=parts["feat_extractor"],
        fp16=options.fp16,
    )
    if options.vllm:
        _use_vllm(networks, pack)
    if options.tensorrt:
        _use_tensorrt(networks, pack)
    return networks


@contextlib.contextmanager
def quiet_engine() -> Iterator[None]:
    """While its packages are imported and its networks built, the engine prints, and warns of what is to come in its
    own dependencies: nothing that an operator could do anything about."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _chance_kept() -> Iterator[None]:
    """Building the networks seeds every source of chance in the process, each time alike; others draw from it, too."""
    import torch

    python, arrays = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        torch.seed()


def checked_device(device: str) -> Any:
    """The device, if it is here."""
    import torch

    kind = torch.device(device)
    if kind.type not in ("cpu", "cuda"):
        raise CannotLoad(f"the engine does not run on {device}; it runs on cpu and cuda", subject=device)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind.type == "cuda" and (kind.index or 0) >= count:
        raise CannotLoad(
            f"{device} was asked for, and torch {torch.__version__} sees {count} CUDA devices here; look at the driver "
            "with nvidia-smi, or take --device cpu",
            subject=device,
        )
    return kind


def free(device: Any) -> None:
    """Gives back what nobody refers to any more, on the device too."""
    import torch

    gc.collect()
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.empty_cache()


def _check_runtime(pack: Pack, device: Any, options: EngineOptions) -> None:
    """Refuses switches that this environment or this model has not what they need for."""
    needs = {"fp16": options.fp16, "tensorrt": options.tensorrt, "vllm": options.vllm}
    for name, wanted in needs.items():
        if wanted and device.type != "cuda":
            raise CannotLoad(f"option {name} needs a GPU; take --device cuda:0, or leave it out", subject=name)
        if wanted and name != "fp16" and find_spec(name) is None:
            raise CannotLoad(
                f"option {name} needs the package {name}, which is not in this environment; docs/cosyvoice.md "
                "says more; or leave the option out",
                subject=name,
            )
    if options.tensorrt and not (pack.model / TRT_ESTIMATOR).is_file():
        raise CannotLoad(f"option tensorrt needs {pack.model / TRT_ESTIMATOR}, which is missing", subject="tensorrt")


def _build(pack: Pack) -> dict[str, Any]:
    """The networks as the model's own configuration draws them, still empty."""
    from hyperpyyaml import load_hyperpyyaml

    with (pack.model / "cosyvoice2.yaml").open(encoding="utf-8") as file:
        parts: dict[str, Any] = load_hyperpyyaml(file, overrides={"qwen_pretrain_path": str(pack.language_model)})
    if parts.get("sample_rate") != RATE_HZ:
        raise CannotLoad(
            f"{file.name} says sample_rate {parts.get('sample_rate')}; CosyVoice 2 speaks at {RATE_HZ}", subject=pack.id
        )
    return parts


def _fill(network: Any, pack: Pack, name: str) -> None:
    """Weights only: a checkpoint that holds code is refused."""
    import torch

    path = pack.weights(name)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict({key.removeprefix("generator."): value for key, value in state.items()})
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        raise CannotLoad(
            f"{path} does not hold the weights of this model's {name}: {first_line}", subject=pack.id
        ) from error


def _use_tensorrt(networks: Networks, pack: Pack) -> None:
    """Replaces the flow's estimator by an engine that is built for this GPU once and kept beside the model."""
    import tensorrt
    from cosyvoice.utils.common import TrtContextWrapper
    from cosyvoice.utils.file_utils import convert_onnx_to_trt

    plan = pack.model / f"flow.decoder.estimator.{'fp16' if networks.fp16 else 'fp32'}.mygpu.plan"
    if not plan.is_file() or not plan.stat().st_size:
        shapes = {name: [(2, 80, n), (2, 1, n), (2, 80, n), (2, 80, n)] for name, n in _TRT_SHAPES.items()}
        kwargs = {**shapes, "input_names": ["x", "mask", "mu", "cond"]}
        convert_onnx_to_trt(str(plan), kwargs, str(pack.model / TRT_ESTIMATOR), networks.fp16)
    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.WARNING))
    engine = runtime.deserialize_cuda_engine(plan.read_bytes())
    if engine is None:
        raise CannotLoad(f"TensorRT cannot use {plan}; delete it, and it is built anew", subject="tensorrt")
    del networks.flow.decoder.estimator
    networks.flow.decoder.estimator = TrtContextWrapper(engine, trt_concurrent=1, device=networks.device)


def _use_vllm(networks: Networks, pack: Pack) -> None:
    """Hands the language model over to vLLM, in a form that is written beside the model once."""
    import threading

    from cosyvoice.utils.file_utils import export_cosyvoice2_vllm
    from cosyvoice.vllm.cosyvoice2 import CosyVoice2ForCausalLM
    from vllm import EngineArgs, LLMEngine, ModelRegistry

    ModelRegistry.register_model("CosyVoice2ForCausalLM", CosyVoice2ForCausalLM)
    folder = str(pack.model / "vllm")
    export_cosyvoice2_vllm(networks.llm, folder, networks.device)
    arguments = EngineArgs(
        model=folder, skip_tokenizer_init=True, enable_prompt_embeds=True, gpu_memory_utilization=0.2
    )
    networks.llm.vllm = LLMEngine.from_engine_args(arguments)
    networks.llm.lock = threading.Lock()
    del networks.llm.llm.model.model.layers
