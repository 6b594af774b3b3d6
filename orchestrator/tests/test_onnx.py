from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_orchestrator.onnx import cpu_session


def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(CannotLoad, match=r"onnxruntime [\d.]+ cannot load .*broken\.onnx"):
        cpu_session(broken)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"absent\.onnx is missing"):
        cpu_session(tmp_path / "absent.onnx")
