"""Where an engine's worker runs, and which Python an environment gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from antiphon_orchestrator.cli.main import main
from antiphon_orchestrator.environments import pythons
from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.hosts import python_of
from antiphon_orchestrator.environments.place import Place, Record, environments_root, places
from antiphon_orchestrator.environments.sources import ADAPTER_GROUP
from antiphon_orchestrator.environments.trial import own_variables

RECORD = Record("chirp", "antiphon-adapter-chirp", "0.1.0", "3.11.7", "here", "", "", 1)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTIPHON_ENVIRONMENTS", str(tmp_path / "environments"))
    return tmp_path / "environments"


def finished(root: Path, python: str) -> Place:
    place = Place(root, "chirp")
    build = place.new_build()
    (build / "bin").mkdir()
    (build / "bin/python").symlink_to(python)
    place.finish(build, RECORD)
    return place


def test_entry_points_are_looked_up_in_the_group_of_the_plug_in_contract() -> None:
    from antiphon_core.hookspecs import ENTRY_POINT_GROUP

    assert ADAPTER_GROUP == ENTRY_POINT_GROUP


def test_an_engine_runs_from_its_environment(root: Path) -> None:
    place = finished(root, sys.executable)
    assert python_of("chirp") == place.python


def test_an_engine_that_is_nowhere_is_refused_with_those_that_are(root: Path) -> None:
    finished(root, sys.executable)
    with pytest.raises(NoEnvironment, match=r"no engine 'growl' can run here.*chirp"):
        python_of("growl")


def test_an_unfinished_environment_runs_nothing(root: Path) -> None:
    Place(root, "chirp").new_build()
    with pytest.raises(NoEnvironment, match="no engine 'chirp' can run here"):
        python_of("chirp")


def test_an_environment_without_its_python_runs_nothing(root: Path) -> None:
    finished(root, "/nowhere/python")
    with pytest.raises(NoEnvironment, match="has lost its Python"):
        python_of("chirp")


def test_a_damaged_record_is_said(root: Path) -> None:
    place = finished(root, sys.executable)
    (place.current / "antiphon.json").write_text("{", encoding="utf-8")
    with pytest.raises(NoEnvironment, match="is damaged"):
        python_of("chirp")


@pytest.mark.parametrize("name", ["../up", "", "a b", "."])
def test_a_name_that_is_no_engines_leads_nowhere(name: str) -> None:
    with pytest.raises(NoEnvironment, match="no engine's name"):
        Place(environments_root(), name)


def test_what_else_lies_beside_environments_is_passed_over(root: Path) -> None:
    finished(root, sys.executable)
    (root / "lost+found").mkdir()
    (root / "notes").touch()
    assert [place.engine for place in places(root)] == ["chirp"]


def test_environments_are_kept_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANTIPHON_ENVIRONMENTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert environments_root() == tmp_path / "antiphon/environments"


def test_nothing_of_our_python_reaches_into_a_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("VIRTUAL_ENV", "/ours")
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(own_variables())


def test_the_python_that_runs_us_is_taken_where_it_is_allowed() -> None:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert pythons.choose(f"=={running}.*", "chirp").path == sys.executable


def test_a_file_that_is_no_python_is_refused() -> None:
    with pytest.raises(NoEnvironment, match="no Python that runs here"):
        pythons.choose(">=3.10", "chirp", "/bin/false")


@pytest.mark.parametrize(
    ("given", "wrong"), [("growl=x.yaml", "there is no --adapter growl"), ("chirp=x.yaml", "there is no file 'x.yaml'")]
)
def test_a_workers_file_belongs_to_an_engine_that_is_run(
    given: str, wrong: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--adapter", "chirp", "--worker-config", given]) == 2
    assert wrong in capsys.readouterr().err
