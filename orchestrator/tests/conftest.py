"""What the tests share: models and recordings from the model store, so that a second run needs no network."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.store import Silent, Store, catalogue_of, load_catalogue
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples

ModelFolder = Callable[[str], Path]


@pytest.fixture(scope="session")
def model_folder() -> ModelFolder:
    """Gives the folder of an entry of the orchestrator's catalogue."""
    store, catalogue = Store(progress=Silent()), catalogue_of("antiphon_orchestrator")
    return lambda entry_id: store.get(catalogue.entry(entry_id))


@pytest.fixture(scope="session")
def jfk() -> HeardSamples:
    """A man says a long sentence: "And so, my fellow Americans: ask not what your country can do for you ..." """
    entry = load_catalogue(Path(__file__).with_name("clips.yaml")).entry("jfk")
    with wave.open(str(Store(progress=Silent()).get(entry) / "jfk.wav")) as clip:
        assert clip.getframerate() == EARS_RATE_HZ
        return np.frombuffer(clip.readframes(clip.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
