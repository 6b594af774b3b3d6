"""Where an engine's packages come from, and when they are other ones than before."""

from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_orchestrator.cli.main import main
from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.place import Place, environments_root
from antiphon_orchestrator.environments.sources import ProjectSource, WheelsSource, checkout, choose, engines_of
from antiphon_orchestrator.environments.wheels import read_wheel
from environments.shop import Shop

LOCK = (
    '[[package]]\nname = "feathers"\nversion = "1.0"\ngroups = ["main"]\nfiles = []\n[metadata]\nlock-version = "2.1"\n'
)
PROJECT = """[project]
name = "antiphon-adapter-chirp"
requires-python = ">=3.11"
[project.entry-points."antiphon.tts_adapters"]
chirp = "antiphon_adapter_chirp.plugin"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An adapter's project in a repository."""
    folder = tmp_path / "repository/adapters/chirp"
    (folder / "src/antiphon_adapter_chirp").mkdir(parents=True)
    (folder / "src/antiphon_adapter_chirp/plugin.py").touch()
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "poetry.lock").write_text(LOCK, encoding="utf-8")
    return folder


def chosen(given: Path) -> object:
    """No pip is needed where nothing is fetched."""
    return choose("chirp", str(given), "", None, given)  # type: ignore[arg-type]


def test_a_repository_and_the_project_itself_are_the_same_source(project: Path) -> None:
    for place in (project, project.parents[1]):
        source = chosen(place)
        assert isinstance(source, ProjectSource)
        assert source.origin == str(project)
        assert source.requires_python == ">=3.11"
        assert source.pins.startswith("feathers==1.0")


def test_a_project_that_was_edited_is_another_source(project: Path) -> None:
    before = ProjectSource("chirp", project).ours
    assert ProjectSource("chirp", project).ours == before
    (project / "src/antiphon_adapter_chirp/plugin.py").write_text("x = 1", encoding="utf-8")
    assert ProjectSource("chirp", project).ours != before


def test_a_project_without_a_lock_is_refused_with_what_to_do(project: Path) -> None:
    (project / "poetry.lock").unlink()
    with pytest.raises(NoEnvironment, match="poetry lock"):
        chosen(project)


def test_an_engine_that_a_repository_has_not_is_refused_with_those_it_has(project: Path) -> None:
    with pytest.raises(NoEnvironment, match="there are: chirp"):
        choose("growl", str(project.parents[1]), "", None, project)  # type: ignore[arg-type]


def test_a_place_that_is_not_there_is_refused_with_what_may_be_given() -> None:
    with pytest.raises(NoEnvironment, match="the address of a package index"):
        chosen(Path("/nowhere"))


def test_this_repository_knows_its_engines() -> None:
    house = checkout()
    assert house is not None
    assert "tone" in engines_of(house)


def test_a_folder_of_wheels_is_read_without_installing_anything(shop: Shop) -> None:
    source = chosen(shop.folder)
    assert isinstance(source, WheelsSource)
    assert source.requires_python == ">=3.10"


def test_a_file_that_is_no_wheel_is_said(shop: Shop) -> None:
    (shop.folder / "antiphon_proto-0.1.0-py3-none-any.whl").write_text("half", encoding="utf-8")
    with pytest.raises(NoEnvironment, match=r"antiphon_proto.*cannot be read"):
        chosen(shop.folder)


def test_entry_points_of_other_groups_are_no_engines(shop: Shop) -> None:
    path = shop.put("growler", {}, points="[console_scripts]\ngrowl = growler:main\n")
    assert read_wheel(path).entry_points("antiphon.tts_adapters") == []


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_an_engine_comes_from_pips_index_too(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The shop stands for the index: pip is told to look nowhere else."""
    pins = shop.pin("1.0")
    assert main(["env", "add", "chirp", "--from", "index", "--pins", str(pins)]) == 0
    place = Place(environments_root(), "chirp")
    assert list(place.current.glob("lib/python*/site-packages/feathers-1.0.dist-info"))
    assert main(["env", "add", "growl", "--from", "index"]) == 1
    assert "antiphon-adapter-growl" in capsys.readouterr().err
