"""A stub that is not what would be generated is found."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.stubs import SOURCES, differences


def test_stubs_that_are_the_same_are_fresh(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    assert differences(tmp_path) == []


def test_a_stub_that_differs_or_is_missing_or_left_over_is_named(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    stubs = tmp_path / "antiphon_proto/v1"
    (stubs / "tts_pb2.py").write_text("old = True\n", encoding="utf-8")
    (stubs / "tts_pb2.pyi").unlink()
    (stubs / "new_pb2.py").touch()
    assert differences(tmp_path) == [
        f"antiphon_proto/v1/{name}" for name in ("new_pb2.py", "tts_pb2.py", "tts_pb2.pyi")
    ]
