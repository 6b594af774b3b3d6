"""Images that are really built, in a storage that goes with the tests.

`ANTIPHON_IMAGES_DIR` names a folder that is kept instead: a second run then builds only what has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import bases
import compose
import pytest
from podman import HOW, Podman, missing

from tools.projects import ROOT, Project

PROJECT = "antiphon-test"
KEPT = "ANTIPHON_IMAGES_DIR"
BUILD_S = 3_000.0
CERTIFICATES = "/run/secrets/ca.pem"
Image = Callable[[str], str]


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman, with the images in it that ours are built on."""
    if lacking := missing():
        pytest.skip(f"{', '.join(lacking)} not found; {HOW}")
    kept = os.environ.get(KEPT, "")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("podman")
    folder.mkdir(parents=True, exist_ok=True)
    podman = Podman.stored_in(folder)
    try:
        bases.provide(podman, folder)
        yield podman
    finally:
        if not kept:
            podman("system", "reset", "--force", timeout_s=300.0)


@pytest.fixture(scope="session")
def pip_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What pip and Poetry are told here about indexes and certificates, by the places where containers look for it."""
    index, certificates = os.environ.get("POETRY_PYPI_MIRROR_URL", ""), os.environ.get("REQUESTS_CA_BUNDLE", "")
    lines = ["[global]", "timeout = 180"]
    lines += [f"index-url = {index}"] if index else []
    lines += [f"cert = {CERTIFICATES}"] if certificates else []
    settings = tmp_path_factory.mktemp("pip") / "pip.conf"
    settings.write_text("\n".join(lines), encoding="utf-8")
    return {"/etc/pip.conf": settings, **({CERTIFICATES: Path(certificates)} if certificates else {})}


@pytest.fixture(scope="session")
def image(podman: Podman, pip_files: dict[str, Path]) -> Image:
    """The name of a service's image, which is built at its first use."""
    secrets = " ".join(f"--secret=id={Path(place).name},src={path}" for place, path in pip_files.items())
    version = str(Project(ROOT / "core").pyproject["project"]["version"])

    @cache
    def built(service: str) -> str:
        flags = f"--podman-build-args=--network=host --pull=never {secrets}"
        arguments = ("--build-arg", f"VERSION={version}", "--build-arg", "REVISION=tested")
        command = compose.command(PROJECT, service)
        podman.run(*command[:1], flags, *command[1:], "build", *arguments, service, timeout_s=BUILD_S)
        return str(compose.services()[service]["image"]).replace("${ANTIPHON_TAG:-local}", "local")

    return built
