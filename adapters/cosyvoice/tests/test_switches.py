"""The switches fp16, tensorrt and vllm: what each needs, and how the model is handed over to a runtime."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from antiphon_adapter_cosyvoice import networks, speech
from antiphon_adapter_cosyvoice.dice import Dice
from antiphon_adapter_cosyvoice.options import EngineOptions
from antiphon_adapter_cosyvoice.pack import Pack
from antiphon_adapter_cosyvoice.pack_file import read_pack
from antiphon_adapter_cosyvoice.reference import Reference
from antiphon_core.errors import CannotLoad
from subjects import TINY, load


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return read_pack(Path(shutil.copytree(TINY, tmp_path / "pack")) / "pack.yaml")


def device(name: str = "cpu") -> Any:
    import torch

    return torch.device(name)


class FakeTensorRT(ModuleType):
    """Takes no engine: each was built for another GPU."""

    class Logger:
        WARNING = 2

        def __init__(self, level: int) -> None:
            self.level = level

    class Runtime:
        def __init__(self, logger: object) -> None:
            self.logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> None:
            return None


class FakeVllm(ModuleType):
    """Keeps what it was given and what it was told to give up."""

    class EngineArgs:
        def __init__(self, **given: object) -> None:
            self.given = given

    class ModelRegistry:
        models: tuple[str, ...] = ()

        @classmethod
        def register_model(cls, name: str, model: object) -> None:
            cls.models += (name,)

    class LLMEngine:
        def __init__(self, arguments: FakeVllm.EngineArgs) -> None:
            self.model = arguments.given["model"]
            self.aborted: list[str] = []

        @classmethod
        def from_engine_args(cls, arguments: FakeVllm.EngineArgs) -> FakeVllm.LLMEngine:
            return cls(arguments)

        def abort_request(self, request_ids: list[str]) -> None:
            self.aborted += request_ids


@pytest.mark.parametrize("option", ["fp16", "tensorrt", "vllm"])
def test_what_needs_a_gpu_is_refused_on_a_cpu(option: str) -> None:
    with pytest.raises(CannotLoad, match=f"option {option} needs a GPU"):
        load(**{option: "true"})


@pytest.mark.parametrize("option", ["tensorrt", "vllm"])
def test_a_switch_whose_package_is_not_here_says_which(
    pack: Pack, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    with pytest.raises(CannotLoad, match=f"option {option} needs the package {option}, which is not"):
        networks.load_networks(pack, device("cuda:0"), EngineOptions(**{option: True}))


def test_tensorrt_without_its_network_says_which_file_it_needs(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "find_spec", lambda name: object())
    with pytest.raises(CannotLoad, match=f"option tensorrt needs .*{networks.TRT_ESTIMATOR}, which is missing"):
        networks.load_networks(pack, device("cuda:0"), EngineOptions(tensorrt=True))


def test_a_tensorrt_engine_of_another_gpu_is_refused_with_what_to_do(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pack.model / "flow.decoder.estimator.fp32.mygpu.plan").write_bytes(b"of another GPU")
    loaded = networks.load_networks(pack, device(), EngineOptions())
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRT("tensorrt"))
    with pytest.raises(CannotLoad, match=r"TensorRT cannot use .*mygpu\.plan; delete it"):
        networks._use_tensorrt(loaded, pack)


def test_vllm_is_given_the_language_model_and_an_utterance_that_ends_early_is_given_up(
    pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = ModuleType("cosyvoice.vllm.cosyvoice2")
    model.CosyVoice2ForCausalLM = object  # type: ignore[attr-defined]
    loaded = networks.load_networks(pack, device(), EngineOptions())
    monkeypatch.setitem(sys.modules, "vllm", FakeVllm("vllm"))
    monkeypatch.setitem(sys.modules, "cosyvoice.vllm.cosyvoice2", model)
    networks._use_vllm(loaded, pack)
    assert FakeVllm.ModelRegistry.models == ("CosyVoice2ForCausalLM",)
    assert loaded.llm.vllm.model == str(pack.model / "vllm")
    assert "CosyVoice2ForCausalLM" in (pack.model / "vllm/config.json").read_text(encoding="utf-8")

    def inference(uuid: str, **_: object) -> Iterator[int]:
        loaded.llm.vllm_output_queue[uuid] = object()
        yield from range(100)

    monkeypatch.setattr(loaded.llm, "inference", inference)
    nothing = torch.zeros(1, 0, dtype=torch.int32)
    tokens = speech._tokens(loaded, Reference(nothing, nothing, nothing, nothing, nothing), nothing, Dice(1, device()))
    assert next(tokens) == 0
    tokens.close()
    assert len(loaded.llm.vllm.aborted) == 1
    assert not loaded.llm.vllm_output_queue
