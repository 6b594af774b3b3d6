"""A voice pack for cosyvoice: random weights of the real architecture, made in the engine's own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from antiphon_orchestrator.environments.place import Place, environments_root

ROOT = Path(__file__).parents[2]
MAKER = ROOT / "adapters/cosyvoice/tests/random_pack.py"
WRITER = "onnx==1.17.0"
"""What torch writes networks with. The engine itself does without, so its environment has it not."""


def voice_pack(folder: Path) -> None:
    """Writes the pack; its voices are `tiny/anna`, `tiny/bo` and more."""
    python = Place(environments_root(), "cosyvoice").python
    library = folder.parent / "library"
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python), "install"]
    subprocess.run([*pip, "--no-deps", "--target", str(library), WRITER], check=True)
    variables = {**os.environ, "PYTHONPATH": str(library)}
    subprocess.run([python, MAKER, folder], env=variables, check=True)
