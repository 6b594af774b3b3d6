"""Proves every poetry.lock fresh, also when a project below it changed.

`poetry check --lock` compares a lock with the pyproject.toml beside it and no other. A lock also records what the
projects it reaches by path asked for on the day it was made; that record is compared here with what they ask for now.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency

from tools.projects import Project, find_projects


def stale_records(project: Project) -> list[str]:
    """One line for everything the project's lock says of a project below that is no longer so."""
    lock = tomllib.loads(project.lock_path.read_text(encoding="utf-8"))
    return [
        f"{project.name}: its lock says {name} {what}"
        for record in lock["package"]
        if record.get("source", {}).get("type") == "directory"
        for name, what in _differences(record, (project.folder / record["source"]["url"]).resolve())
    ]


def _differences(record: dict[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    name = record["name"]
    now = Factory().create_poetry(folder).package
    facts = {
        "has version": (record["version"], now.pretty_version),
        "wants Python": (record["python-versions"], now.python_versions),
        "has extras": (record.get("extras", {}), _extras(now.extras)),
    }
    for what, (recorded, current) in facts.items():
        if recorded != current:
            yield name, f"{what} {recorded}, it is {current} now"
    recorded_needs = set(_recorded_needs(record))
    current_needs = {_spell(need) for need in now.requires if not need.is_optional()}
    yield from ((name, f"wants {need}, it no longer does") for need in sorted(recorded_needs - current_needs))
    yield from ((name, f"does not want {need}, it does now") for need in sorted(current_needs - recorded_needs))


def _recorded_needs(record: dict[str, Any]) -> Iterator[str]:
    for name, constraints in record.get("dependencies", {}).items():
        for constraint in constraints if isinstance(constraints, list) else [constraints]:
            need = Factory.create_dependency(name, constraint)
            if not need.is_optional():
                yield _spell(need)


def _spell(need: Dependency) -> str:
    return need.to_pep_508()


def _extras(extras: Mapping[Any, Sequence[Dependency]]) -> dict[str, list[str]]:
    return {str(name): sorted(need.to_pep_508(with_extras=False) for need in needs) for name, needs in extras.items()}


def stale_for_poetry(project: Project) -> list[str]:
    """What Poetry itself says against the project's lock."""
    done = subprocess.run(
        ["poetry", "check", "--lock"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    return [f"{project.name}: {done.stdout}{done.stderr}".strip()] if done.returncode else []


def main() -> int:
    """Check every project; print what is stale and how to mend it."""
    found = [line for project in find_projects() for line in (*stale_for_poetry(project), *stale_records(project))]
    print("\n".join(found) or "every lock is fresh")
    if found:
        print("run: tox -e relock")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
