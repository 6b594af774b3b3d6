"""Makes an adapter known to the repository: to the rules of who may import it, and to the page of engines.

tox finds its folder by itself.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

CONTRACTS = ".importlinter"
ENGINES = "docs/engines.md"
_LISTED = re.compile(r"(?:^    antiphon_adapter_\w+\n)+", re.MULTILINE)
_LAYER = re.compile(r"(?<=antiphon_orchestrator \| )antiphon_adapter_.*")
_ROW = re.compile(r"^\| `[a-z][\w-]*` \|.*\n", re.MULTILINE)


def register(repository: Path, folder: Path, package: str) -> list[Path]:
    """The files that were changed for the project in that folder."""
    contracts, engines = repository / CONTRACTS, repository / ENGINES
    contracts.write_text(bound(contracts.read_text(encoding="utf-8"), package), encoding="utf-8")
    engines.write_text(told(engines.read_text(encoding="utf-8"), row(folder)), encoding="utf-8")
    return [contracts, engines]


def bound(contracts: str, package: str) -> str:
    """The import contracts with the package in them, wherever adapters are listed."""
    text = _LISTED.sub(lambda match: "".join(sorted({*match[0].splitlines(True), f"    {package}\n"})), contracts)
    return _LAYER.sub(lambda match: " | ".join(sorted({*match[0].split(" | "), package})), text)


def row(folder: Path) -> str:
    """An adapter's line in the page of engines, as its pyproject.toml has it."""
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cells = (f"`{folder.name}`", project["description"], f"`{project['requires-python']}`", project["license"])
    return f"| {' | '.join(cells)} |\n"


def told(page: str, line: str) -> str:
    """The page of engines with that line in its table, in the order of names."""
    rows = _ROW.findall(page)
    return page.replace("".join(rows), "".join(sorted({*rows, line})))
