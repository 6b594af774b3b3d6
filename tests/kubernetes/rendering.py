"""Manifests as they would be applied: an overlay, built by kustomize."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from tools.projects import ROOT

FOLDER = ROOT / "deploy/kubernetes"
OVERLAYS = sorted(path.parent.name for path in FOLDER.glob("overlays/*/kustomization.yaml"))
ENGINES = sorted(path.parent.name for path in FOLDER.glob("engines/*/kustomization.yaml"))
Object = dict[str, Any]


def rendered(place: str) -> str:
    """The YAML of a folder below deploy/kubernetes."""
    done = subprocess.run([*_kustomize(), str(FOLDER / place)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def objects(overlay: str) -> tuple[Object, ...]:
    return tuple(yaml.safe_load_all(rendered(f"overlays/{overlay}")))


def of_kind(overlay: str, kind: str) -> list[Object]:
    return [found for found in objects(overlay) if found["kind"] == kind]


def pods(overlay: str) -> dict[str, Object]:
    """The pod template of every Deployment."""
    return {found["metadata"]["name"]: found["spec"]["template"] for found in of_kind(overlay, "Deployment")}


def containers(overlay: str) -> Iterator[tuple[str, Object]]:
    for name, pod in pods(overlay).items():
        for container in pod["spec"]["containers"]:
            yield name, container


def _kustomize() -> list[str]:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    pytest.skip("neither kustomize nor kubectl is on this machine; either renders the manifests")
