"""kokoro keeps the adapter contract."""

from __future__ import annotations

from typing import ClassVar

import pytest
from antiphon_core.testkit import AdapterConformance

pytestmark = pytest.mark.timeout(600)  # every voice speaks, and twenty loads of 92 MB

_SLOW = "on one core the network takes half a second and more for every two seconds of speech"


class TestKokoro(AdapterConformance):
    adapter = "kokoro"
    first_chunk_s = 4.0
    longest_gap_s = 8.0
    huge_chunk_s = 8.0
    patience_s = 60.0
    loosened: ClassVar[dict[str, str]] = {"first_chunk_s": _SLOW, "longest_gap_s": _SLOW, "huge_chunk_s": _SLOW}
