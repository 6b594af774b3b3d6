"""`antiphon new-adapter`: what it writes and what it makes known. Whether it speaks is tested with its built wheel."""

from __future__ import annotations

import ast
import shutil
import tomllib
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_orchestrator.cli.main import main
from antiphon_orchestrator.new_adapter.registering import CONTRACTS, ENGINES, register
from antiphon_orchestrator.new_adapter.writing import NewAdapter

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in (CONTRACTS, ENGINES, "LICENSE", "poetry.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def inside(repository: Path, name: str = "lark") -> NewAdapter:
    return NewAdapter(name, repository / "adapters" / name, "0.1.3", in_repository=True)


def test_a_project_outside_of_a_repository_stands_by_itself(tmp_path: Path) -> None:
    assert main(["new-adapter", "night-lark", "--folder", str(tmp_path / "lark")]) == 0
    project = tomllib.loads((tmp_path / "lark/pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["antiphon.tts_adapters"] == {
        "night-lark": "antiphon_adapter_night_lark.plugin"
    }
    assert "license" not in project["project"]
    assert list(project["tool"]["poetry"]["group"]) == ["test"]


def test_every_file_is_whole(repository: Path) -> None:
    written = inside(repository).write()
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert "@" not in text.replace("@hookimpl", ""), path
        if path.suffix == ".py":
            ast.parse(text)
    assert {path.name for path in written} >= {"plugin.py", "py.typed", "LICENSE", "poetry.toml", "README.md"}


def test_a_project_in_the_repository_asks_for_the_core_beside_it(repository: Path) -> None:
    new = inside(repository)
    new.write()
    project = tomllib.loads((new.folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dependencies"] == ["antiphon-core>=0.1,<0.2", "numpy>=1.26"]
    assert project["tool"]["poetry"]["group"]["workspace"]["dependencies"]["antiphon-core"]["path"] == "../../core"


def test_the_repository_knows_the_new_adapter_in_all_places(repository: Path) -> None:
    new = inside(repository)
    new.write()
    register(repository, new.folder, new.package)
    contracts = (repository / CONTRACTS).read_text(encoding="utf-8")
    assert contracts.count("    antiphon_adapter_lark\n") == 2
    assert " | antiphon_adapter_lark | antiphon_adapter_" in contracts
    page = (repository / ENGINES).read_text(encoding="utf-8")
    assert "\n| `lark` | The engine lark as an Antiphon plug-in | `>=3.10,<3.14` | Apache-2.0 |\n" in page
    assert page.index("| `hibari`") < page.index("| `lark`") < page.index("| `piper`")


def test_registering_again_changes_nothing(repository: Path) -> None:
    new = inside(repository)
    new.write()
    register(repository, new.folder, new.package)
    before = [path.read_text(encoding="utf-8") for path in register(repository, new.folder, new.package)]
    after = [path.read_text(encoding="utf-8") for path in register(repository, new.folder, new.package)]
    assert after == before


def test_a_folder_that_holds_something_is_left_alone(repository: Path) -> None:
    new = inside(repository)
    new.write()
    with pytest.raises(BadSettings, match="is not empty"):
        new.write()


@pytest.mark.parametrize("name", ["Lark", "lark_two", "2lark", "lark-", "", "../lark"])
def test_a_name_that_no_package_could_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be an adapter's name"):
        NewAdapter(name, tmp_path, "0.1.0", in_repository=False)
