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

from tools.projects import find_projects

PROJECT = "antiphon-test"
KEPT = "ANTIPHON_IMAGES_DIR"
BUILD_S = 3_000.0
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
def image(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The name of a service's image, which is built at its first use."""
    secrets = pip_secrets(tmp_path_factory.mktemp("secrets"))

    @cache
    def built(service: str) -> str:
        flags = f"--podman-build-args=--network=host --pull=never {secrets}"
        version = next(project.pyproject["project"]["version"] for project in find_projects() if project.is_published)
        arguments = ("--build-arg", f"VERSION={version}", "--build-arg", "REVISION=tested")
        command = compose.command(PROJECT, service)
        podman.run(*command[:1], flags, *command[1:], "build", *arguments, service, timeout_s=BUILD_S)
        return str(compose.services()[service]["image"]).replace("${ANTIPHON_TAG:-local}", "local")

    return built


def pip_secrets(folder: Path) -> str:
    """What pip and Poetry are told here about indexes and certificates, as flags of a build."""
    index, certificates = os.environ.get("POETRY_PYPI_MIRROR_URL", ""), os.environ.get("REQUESTS_CA_BUNDLE", "")
    lines = ["[global]", "timeout = 180"]
    lines += [f"index-url = {index}"] if index else []
    lines += ["cert = /run/secrets/ca.pem"] if certificates else []
    (folder / "pip.conf").write_text("\n".join(lines), encoding="utf-8")
    secrets = f"--secret=id=pip.conf,src={folder / 'pip.conf'}"
    return f"{secrets} --secret=id=ca.pem,src={certificates}" if certificates else secrets
