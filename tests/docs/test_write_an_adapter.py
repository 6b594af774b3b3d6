"""docs/write-an-adapter.md shows the code there is, and what it says of the kit is so."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from antiphon_core.models import Capability, ModelInfo
from antiphon_core.testkit import AdapterConformance, Subject
from antiphon_core.testkit.guard import check_whole, reasons
from antiphon_core.testkit.standard import CHECKS, LIMITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "write-an-adapter.md").read_text(encoding="utf-8")
ELISION = "# ..."
TONE = "adapters/tone"
PLUGIN = f"{TONE}/src/antiphon_adapter_tone/plugin.py"
BLOCKS = re.findall(r"^(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
QUOTED = [(mark.removeprefix("from "), code) for mark, _, code in BLOCKS if mark.startswith("from ")]


def table(first_column: str) -> list[list[str]]:
    """The cells of the table whose first column has that name."""
    rows = PAGE.split(f"\n| {first_column} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows]


def commands() -> list[str]:
    return [line for _, language, code in BLOCKS if language == "sh" for line in code.splitlines()]


@pytest.mark.parametrize(("path", "code"), QUOTED, ids=[path for path, _ in QUOTED])
def test_what_is_quoted_is_in_the_file(path: str, code: str) -> None:
    text, position = (ROOT / path).read_text(encoding="utf-8"), 0
    for part in code.split(f"{ELISION}\n"):
        position = text.find(part, position)
        assert position >= 0, f"{path} does not hold, or not in this order:\n{part}"
        position += len(part)


def test_all_code_is_quoted_or_runs() -> None:
    assert [code for mark, language, code in BLOCKS if language not in ("", "sh") and not mark] == []


def test_the_whole_plugin_is_quoted_in_its_order() -> None:
    parts = [code for path, code in QUOTED if path == PLUGIN]
    squeezed = [re.sub(r"\n+", "\n", text).strip() for text in ("\n".join(parts), (ROOT / PLUGIN).read_text())]
    assert squeezed[0] == squeezed[1]


def test_the_folder_is_as_drawn() -> None:
    (tree,) = (code for _, language, code in BLOCKS if not language)
    for name in tree.splitlines()[1:]:
        assert (ROOT / TONE / name.strip()).is_file(), name
    assert not (ROOT / TONE / "src/antiphon_adapter_tone/__init__.py").read_text()


def test_every_field_of_a_description_is_told() -> None:
    assert [row[0] for row in table("field")] == [field.name for field in dataclasses.fields(ModelInfo)]


def test_every_capability_is_told() -> None:
    assert [row[0] for row in table("capability")] == [capability.name for capability in Capability]


def test_every_check_is_told_in_its_own_words() -> None:
    promises = {name: promise.strip("`") for name, promise in CHECKS.items()}
    assert dict(table("check")) == promises


def test_every_limit_is_told() -> None:
    assert {name: float(most) for name, most, _ in table("limit")} == LIMITS


def test_a_loosened_limit_is_written_as_shown() -> None:
    (code,) = (code for mark, _, code in BLOCKS if mark == "runs")
    names: dict[str, type[AdapterConformance]] = {}
    exec(compile(code, "write-an-adapter.md", "exec"), names)
    cls = names["TestSlow"]
    check_whole(cls, AdapterConformance, Subject(cls))
    assert "first_chunk_s 3 instead of 1" in reasons(cls)[0]


def test_the_worker_does_as_shown() -> None:
    shown = [command for command in commands() if command.startswith("worker ") and command != "worker --adapter tone"]
    assert set(shown) == {"worker --list", "worker --adapter tone --check"}
    for command in dict.fromkeys(shown):
        line = [sys.executable, "-m", "antiphon_core.worker.main", *command.split()[1:]]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "tone" in done.stdout


def test_the_option_of_pytest_does_as_shown(tmp_path: Path) -> None:
    assert "`pytest --antiphon-adapter tone`" in PAGE
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--antiphon-adapter", "tone"]
    line += ["-k", "not loading_and_unloading"]  # twenty loads are tone's own test
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function")
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CHECKS) - 1} passed" in done.stdout
