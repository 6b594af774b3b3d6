"""What only a CUDA device can show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from antiphon_adapter_cosyvoice import plugin
from antiphon_core.models import Model, SpeechRequest
from subjects import settings

pytestmark = pytest.mark.gpu
SENTENCE = SpeechRequest("The old lighthouse still stands by the harbour.", "anna", "en", seed=7)


@pytest.fixture
def device() -> Iterator[str]:
    import torch

    if not torch.cuda.is_available():
        pytest.skip(f"torch {torch.__version__} sees no CUDA device here; run it where nvidia-smi shows one")
    yield "cuda:0"
    torch.cuda.empty_cache()


def loaded(device: str, **options: str) -> Model:
    return plugin.tts_load_model("tiny", device, settings(**options))


def test_closing_a_model_gives_its_memory_on_the_device_back(device: str) -> None:
    import torch

    loaded(device).close()  # the libraries keep some for themselves, once
    before = torch.cuda.memory_reserved()
    model = loaded(device)
    list(model.synthesize(SENTENCE))
    assert torch.cuda.memory_allocated() > 0
    model.close()
    assert torch.cuda.memory_reserved() <= before


@pytest.mark.parametrize("options", [{}, {"fp16": "true"}])
def test_a_seed_repeats_an_utterance_on_the_device(device: str, options: dict[str, str]) -> None:
    model = loaded(device, **options)
    takes = [np.concatenate([chunk.samples for chunk in model.synthesize(SENTENCE)]) for _ in range(2)]
    assert len(takes[0]) == len(takes[1]) > 0
