"""What is read from a lock is what Poetry wrote into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.lock import read_lock

LOCK = """
[[package]]
name = "feathers"
version = "1.0"
groups = ["main", "test"]
markers = {main = "python_version < '3.12'"}
files = [{file = "b.whl", hash = "sha256:bb"}, {file = "a.whl", hash = "sha256:aa"}]

[[package]]
name = "beak"
version = "2.0"
groups = ["main"]
markers = "sys_platform == 'win32'"
files = [{file = "c.whl", hash = "sha256:cc"}]

[[package]]
name = "pytest"
version = "8.0"
groups = ["test"]
files = [{file = "d.whl", hash = "sha256:dd"}]

[[package]]
name = "antiphon-core"
version = "0.1.0"
groups = ["main"]
files = []
[package.source]
type = "directory"
url = "../core"

[metadata]
lock-version = "2.1"
"""
GIT = """
[[package]]
name = "wild"
version = "1.0"
groups = ["main"]
files = []
[package.source]
type = "git"
url = "https://example.com/wild"
"""


def project(folder: Path, lock: str) -> Path:
    folder.mkdir()
    (folder / "poetry.lock").write_text(lock, encoding="utf-8")
    return folder


def test_pins_are_the_main_groups_packages_with_markers_and_hashes(tmp_path: Path) -> None:
    lock = read_lock(project(tmp_path / "chirp", LOCK))
    assert lock.pins.splitlines() == [
        "feathers==1.0 ; python_version < '3.12' --hash=sha256:aa --hash=sha256:bb",
        "beak==2.0 ; sys_platform == 'win32' --hash=sha256:cc",
    ]


def test_what_is_reached_by_path_is_a_folder_to_build(tmp_path: Path) -> None:
    assert read_lock(project(tmp_path / "chirp", LOCK)).folders == (tmp_path / "core",)


def test_a_package_that_has_no_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoEnvironment, match="takes wild from elsewhere"):
        read_lock(project(tmp_path / "chirp", GIT + LOCK))


def test_a_lock_of_an_older_poetry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoEnvironment, match="lock it again with Poetry 2"):
        read_lock(project(tmp_path / "chirp", LOCK.replace('"2.1"', '"2.0"')))
