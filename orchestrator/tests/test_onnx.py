from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_core.privacy import REFUSALS
from antiphon_orchestrator.onnx import cpu_session


def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(CannotLoad, match=r"onnxruntime [\d.]+ cannot load .*broken\.onnx"):
        cpu_session(broken)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"absent\.onnx is missing"):
        cpu_session(tmp_path / "absent.onnx")


def test_onnxruntime_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    """Where it does, it writes down the machine's and the process's numbers as soon as it is loaded."""
    places = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", *REFUSALS}}
    subprocess.run([sys.executable, "-c", "import antiphon_orchestrator.onnx"], env={**kept, **places}, check=True)
    assert list(tmp_path.iterdir()) == []
