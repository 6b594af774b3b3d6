"""All projects share one version, and one command moves them."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from packaging.version import Version

from tools.bump import QUOTING, bump, bumped, main, range_of
from tools.projects import ROOT, find_projects

DAY = datetime.date(2026, 1, 2)


def versions(root: Path) -> set[str]:
    return {project.version for project in find_projects(root) if project.is_published}


def ranges(root: Path) -> set[str]:
    needs = [need for project in find_projects(root) for need in project.pyproject["project"].get("dependencies", [])]
    return {re.sub(r"^[\w-]+", "", need) for need in needs if need.startswith("antiphon-")}


def test_all_projects_have_one_version_and_ask_for_it_of_one_another() -> None:
    (version,) = versions(ROOT)
    assert ranges(ROOT) == {range_of(Version(version))}


@pytest.mark.parametrize("version", ["0.1.1", "0.2.0", "1.0.0", "1.4.2rc1"])
def test_one_command_moves_them_all(house: Path, version: str) -> None:
    bump(Version(version), DAY, house)
    assert versions(house) == {version}
    assert ranges(house) == {range_of(Version(version))}


def test_what_is_not_ours_is_left_alone() -> None:
    text = '[project]\nname = "other"\nversion = "1.0"\ndependencies = ["numpy>=1.26,<2", "antiphon-core>=0.1,<0.2"]\n'
    assert bumped(text, Version("3.4.0")) == text.replace(">=0.1,<0.2", ">=3.4,<3.5")


def test_pages_that_show_a_project_move_too(house: Path) -> None:
    for name in QUOTING:
        (house / name).parent.mkdir(parents=True, exist_ok=True)
        (house / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    assert {house / name for name in QUOTING} <= set(bump(Version("7.8.9"), DAY, house))


def test_what_was_unreleased_gets_its_version_and_day(house: Path) -> None:
    (house / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- new\n", encoding="utf-8")
    bump(Version("0.2.0"), DAY, house)
    said = (house / "CHANGELOG.md").read_text(encoding="utf-8")
    assert said == "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-01-02\n\n- new\n"


@pytest.mark.parametrize("words", [[], ["next"], ["1.0", "2.0"]])
def test_what_is_no_version_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "tox -e bump -- 0.2.0" in capsys.readouterr().err
