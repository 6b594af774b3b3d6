"""docs/engines.md lists the adapters there are, as their projects describe them, and commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from antiphon_orchestrator.cli import env, up
from antiphon_orchestrator.environments.sources import engines_of
from antiphon_orchestrator.new_adapter.registering import row

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    antiphon ")]


def test_every_adapter_has_its_row_and_nobody_else() -> None:
    rows = [row(ROOT / "adapters" / name) for name in engines_of(ROOT)]
    assert "".join(rows) in PAGE
    assert len(re.findall(r"^\| `[a-z][\w-]*` \|", PAGE, re.MULTILINE)) == len(rows)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, name, *arguments = shlex.split(command)
    if name == "env":
        assert env.parser().parse_args(arguments).action == arguments[0]
    else:
        with pytest.raises(SystemExit) as ended:
            up.main([*arguments, "--help"])
        assert ended.value.code == 0


def test_every_action_is_told() -> None:
    actions = set(re.findall(r"^\| `antiphon env (\w+)", PAGE, re.MULTILINE))
    assert actions == {"add", "list", "check", "remove"}
