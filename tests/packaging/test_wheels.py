"""What a wheel says and carries is fit for strangers."""

from __future__ import annotations

import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.projects import ROOT, Project, find_projects

PUBLISHED = [project for project in find_projects() if project.is_published]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def wheel_of(project: Project, wheels: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(wheels.glob(f"{project.package}-*.whl")))


def metadata_of(project: Project, wheels: Path) -> Message:
    with wheel_of(project, wheels) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode())


def requirements_of(project: Project, wheels: Path) -> list[Requirement]:
    return [Requirement(line) for line in metadata_of(project, wheels).get_all("Requires-Dist", [])]


@pytest.fixture(params=PUBLISHED, ids=lambda project: project.name)
def project(request: pytest.FixtureRequest) -> Project:
    assert isinstance(request.param, Project)
    return request.param


def test_no_requirement_is_a_path_or_an_address(project: Project, wheels: Path) -> None:
    assert [need for need in requirements_of(project, wheels) if need.url] == []


def test_every_requirement_on_ours_is_a_range(project: Project, wheels: Path) -> None:
    for need in requirements_of(project, wheels):
        if need.name.startswith("antiphon-"):
            assert {specifier.operator for specifier in need.specifier} == {">=", "<"}


def test_every_requirement_on_ours_is_met_by_the_wheel_beside_it(project: Project, wheels: Path) -> None:
    versions = {other.name: metadata_of(other, wheels)["Version"] for other in PUBLISHED}
    for need in requirements_of(project, wheels):
        assert need.name not in versions or versions[need.name] in need.specifier


def test_the_range_of_pythons_is_stated(project: Project, wheels: Path) -> None:
    assert metadata_of(project, wheels)["Requires-Python"] == project.requires_python


def test_the_licence_is_named_and_enclosed(project: Project, wheels: Path) -> None:
    metadata = metadata_of(project, wheels)
    assert metadata["License-Expression"]
    with wheel_of(project, wheels) as wheel:
        texts = [name for name in wheel.namelist() if ".dist-info/licenses/" in name]
        assert texts
        assert all(len(wheel.read(name)) > 1000 for name in texts)


def test_a_licence_is_a_file_of_the_projects_own_and_the_houses_where_it_is_the_same(project: Project) -> None:
    licence = project.folder / "LICENSE"
    assert not licence.is_symlink(), "a source archive takes in nothing from outside of its folder; copy it"
    if project.pyproject["project"]["license"] == "Apache-2.0":
        assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_package_says_what_it_is(project: Project, wheels: Path) -> None:
    metadata = metadata_of(project, wheels)
    assert metadata["Summary"]
    assert str(metadata.get_payload()).strip(), "its README.md is empty"


def test_nothing_but_the_package_is_in_the_wheel(project: Project, wheels: Path) -> None:
    with wheel_of(project, wheels) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
        assert {top for top in tops if not top.endswith(".dist-info")} == {project.package}
        assert f"{project.package}/py.typed" in wheel.namelist()
