"""The images that ours are built on: pulled, or made of Debian's packages where no registry can be reached."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from podman import Podman

PYTHON = "docker.io/library/python:3.11-slim-bookworm"
REDIS = "docker.io/library/redis:7-bookworm"
_PULL_S = 120.0
_MAKE_S = 1_800.0
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_REDIS_FILE = f"FROM {PYTHON}\nRUN apt-get update && apt-get install -y --no-install-recommends redis-server\n"


def provide(podman: Podman, folder: Path) -> None:
    """Both bases, under the names by which the Dockerfiles and the compose file know them."""
    if not _is_there(podman, PYTHON):
        if lacking := _lacking():
            pytest.skip(f"{PYTHON} cannot be pulled, and a base of Debian's packages wants {lacking}")
        _make_python(podman, folder / "debian")
    if not _is_there(podman, REDIS):
        build = ("build", "--network=host", "--pull=never", "--tag", REDIS, "-")
        podman(*build, stdin=_REDIS_FILE, timeout_s=_MAKE_S)


def _lacking() -> str:
    if os.geteuid():
        return "root"
    return "" if shutil.which("debootstrap") else "debootstrap (apt install debootstrap)"


def _is_there(podman: Podman, name: str) -> bool:
    return podman.succeeds("image", "exists", name) or podman.succeeds("pull", "--quiet", name, timeout_s=_PULL_S)


def _make_python(podman: Podman, folder: Path) -> None:
    """Debian with its own Python, and with the certificates that this machine trusts."""
    packages = "--include=ca-certificates,python3-minimal,python3-venv"
    try:
        podman.run("debootstrap", "--variant=minbase", packages, "bookworm", folder, timeout_s=_MAKE_S)
        shutil.copy(_CERTIFICATES, folder / "etc/ssl/certs")
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(["podman", "import", "-", PYTHON], stdin=tar.stdout, env=podman.variables, check=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
