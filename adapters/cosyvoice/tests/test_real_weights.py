"""The same contract with real weights: the environment names a voice pack and a device."""

from __future__ import annotations

import pytest
from antiphon_core.testkit import AdapterConformance
from subjects import DEVICE, REAL

pytestmark = [pytest.mark.gpu] if DEVICE != "cpu" else []

if REAL:

    class TestRealWeights(AdapterConformance):
        adapter = "cosyvoice"
        model_dirs = REAL
        device = DEVICE

else:

    def test_real_weights_keep_the_contract() -> None:
        pytest.skip("no real weights here: let ANTIPHON_COSYVOICE_MODEL_DIR name a voice pack (docs/cosyvoice.md)")
