"""One wheel of the contract works on every runtime that its metadata allows, old and new; TLS works on the oldest."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment import Environment

from tools.projects import ROOT
from tools.pythons import find

CONVERSATION = ROOT / "proto/tests/conversation.py"
PAIRS = {
    # protobuf, grpcio: every supported Python that this grpcio has wheels for
    ("4.24.4", "1.57.0"): ("3.10", "3.11"),
    ("4.24.4", "1.60.2"): ("3.10", "3.11", "3.12"),
    ("4.24.4", "1.62.3"): ("3.10", "3.11", "3.12"),
    ("4.24.4", "1.85.1"): ("3.10", "3.11", "3.12", "3.13"),
    ("5.29.6", "1.57.0"): ("3.10", "3.11"),
    ("5.29.6", "1.71.2"): ("3.10", "3.11", "3.12", "3.13"),
    ("6.33.6", "1.76.0"): ("3.10", "3.11", "3.12", "3.13"),
    ("7.36.2", "1.85.1"): ("3.10", "3.11", "3.12", "3.13"),
}
MATRIX = [(*pair, python) for pair, pythons in PAIRS.items() for python in pythons]
WARN_THEMSELVES = {("4.24.4", "3.12"), ("4.24.4", "3.13")}
"""Runtimes whose own import warns on that Python, whatever the stubs do."""
OLDEST = ("protobuf==4.24.4", "grpcio==1.57.0", "grpcio-health-checking==1.57.0", "grpcio-reflection==1.57.0")
TLS = ("core/tests/test_certificates.py", "core/tests/worker/integration/test_tls.py")
"""Who is trusted is up to gRPC, and gRPC has changed much since."""
FOR_TESTS = ("hypothesis", "pytest", "pytest-asyncio", "pytest-forked", "pytest-timeout", "trustme")
pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(180)]


def interpreter(version: str) -> str:
    """That Python; skips the test where there is none."""
    python = find(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here; install it, for example with pyenv")
    return python


@pytest.mark.parametrize(("protobuf", "grpcio", "python"), MATRIX)
def test_the_stubs_converse(protobuf: str, grpcio: str, python: str, wheels: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv", interpreter(python))
    environment.pip("install", "--only-binary=:all:", f"protobuf=={protobuf}", f"grpcio=={grpcio}")
    environment.pip("install", "--no-index", "--no-deps", *wheels.glob("antiphon_proto-*.whl"))
    environment.pip("check")
    strict = () if (protobuf, python) in WARN_THEMSELVES else ("-W", "error")
    environment.run("python", *strict, CONVERSATION)


def test_who_is_trusted_is_the_same_on_the_oldest_runtime(wheels: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv", interpreter("3.10"))
    ours = [next(wheels.glob(f"antiphon_{name}-*.whl")) for name in ("proto", "core")]
    environment.pip("install", *OLDEST, *FOR_TESTS, *ours)
    environment.run("python", "-m", "pytest", "-p", "no:cacheprovider", *(ROOT / path for path in TLS))
