"""The page's modules that need no browser, by Node's own test runner: `tests/browser/js`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parent / "js"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="Node is not here: install it, 20 or newer (Debian: apt-get install nodejs)")
@pytest.mark.parametrize("file", sorted(JS.glob("*.test.js")), ids=lambda file: file.name.partition(".")[0])
def test_modules_do_what_they_say(file: Path) -> None:
    assert NODE is not None
    done = subprocess.run([NODE, "--test", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
