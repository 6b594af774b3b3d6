"""A release in dist/ holds what it should, and each adapter installs from its built files alone."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest
from environment import Environment

from tools.dist import SUMS, checksums
from tools.projects import Project, find_adapters, find_projects
from tools.pythons import find_allowed

PUBLISHED = {project.name: project for project in find_projects() if project.is_published}
ADAPTERS = {project.folder.name: project for project in find_adapters()}
pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3_600)]  # gigabytes come over the network


@pytest.fixture(scope="module")
def release() -> Path:
    """The folder that was built."""
    folder = os.environ.get("ANTIPHON_DIST", "")
    if not folder:
        pytest.skip("no release was built; run: tox -e dist")
    return Path(folder)


@pytest.fixture
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Environment]:
    """An empty one with a Python that the adapter allows; some engines fill gigabytes, so it is not kept."""
    adapter: Project = ADAPTERS[request.getfixturevalue("name")]
    if (python := find_allowed(adapter.requires_python)) is None:
        pytest.skip(f"no Python {adapter.requires_python} is here; install one, for example with pyenv")
    yield Environment.make(tmp_path / "venv", python)
    shutil.rmtree(tmp_path / "venv")


def sdist_of(project: Project, release: Path) -> Path:
    return release / f"{project.package}-{project.version}.tar.gz"


def members(archive: Path) -> dict[str, bytes]:
    """Its files, without the topmost folder."""
    with tarfile.open(archive) as sdist:
        assert all(member.isfile() or member.isdir() for member in sdist), "a link points out of a source archive"
        files = [(member.name.partition("/")[2], sdist.extractfile(member)) for member in sdist if member.isfile()]
        return {name: file.read() for name, file in files if file}


def test_every_file_has_its_checksum(release: Path) -> None:
    assert (release / SUMS).read_text(encoding="utf-8") == checksums(release)


@pytest.mark.parametrize("project", PUBLISHED.values(), ids=PUBLISHED)
def test_there_is_a_wheel_a_source_archive_and_pins(project: Project, release: Path) -> None:
    assert (release / f"{project.package}-{project.version}-py3-none-any.whl").is_file()
    assert sdist_of(project, release).is_file()
    assert "--hash=sha256:" in (release / "requirements" / f"{project.name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("project", PUBLISHED.values(), ids=PUBLISHED)
def test_a_source_archive_encloses_licence_and_readme(project: Project, release: Path) -> None:
    content = members(sdist_of(project, release))
    assert len(content["LICENSE"]) > 1_000
    assert content["README.md"].strip()
    metadata = Parser().parsestr(content["PKG-INFO"].decode())
    assert metadata["License-Expression"] == project.pyproject["project"]["license"]
    assert not [need for need in metadata.get_all("Requires-Dist", []) if "@" in need or "file:" in need]


@pytest.mark.parametrize("project", PUBLISHED.values(), ids=PUBLISHED)
def test_a_source_archive_builds_the_very_wheel(project: Project, release: Path, tmp_path: Path) -> None:
    builder = Environment.make(tmp_path / "venv")
    options = ("--no-deps", "--ignore-requires-python", "--wheel-dir", tmp_path / "built")
    builder.pip("wheel", *options, sdist_of(project, release))
    name = f"{project.package}-{project.version}-py3-none-any.whl"
    with zipfile.ZipFile(release / name) as ours, zipfile.ZipFile(tmp_path / "built" / name) as rebuilt:
        assert {each: ours.read(each) for each in ours.namelist() if not each.endswith("RECORD")} == {
            each: rebuilt.read(each) for each in rebuilt.namelist() if not each.endswith("RECORD")
        }


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_installs_from_the_release_alone(name: str, release: Path, environment: Environment) -> None:
    adapter = ADAPTERS[name]
    environment.pip("install", "--no-deps", "--require-hashes", "-r", release / f"requirements/{adapter.name}.txt")
    ours = [next(release.glob(f"{each}-*.whl")) for each in ("antiphon_proto", "antiphon_core", adapter.package)]
    environment.pip("install", "--no-index", "--no-deps", *ours)
    environment.pip("check")
    assert f"{name}  ({adapter.name} {adapter.version})" in environment.run("worker", "--list")
