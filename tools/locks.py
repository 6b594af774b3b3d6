"""Proves every poetry.lock fresh, also when a project below it changed, and of use to every Python that it is for.

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

from poetry.core.constraints.version import VersionConstraint, parse_constraint
from poetry.core.factory import Factory
from poetry.core.packages.dependency import Dependency

from tools.installable import uninstallable
from tools.projects import Project, find_projects


def stale_records(project: Project) -> list[str]:
    """One line for everything the project's lock says of a project below that is no longer so."""
    lock = tomllib.loads(project.lock_path.read_text(encoding="utf-8"))
    pythons = parse_constraint(project.requires_python)
    return [
        f"{project.name}: its lock says {name} {what}"
        for record in lock["package"]
        if record.get("source", {}).get("type") == "directory"
        for name, what in _differences(record, (project.folder / record["source"]["url"]).resolve(), pythons)
    ]


def _differences(record: dict[str, Any], folder: Path, pythons: VersionConstraint) -> Iterator[tuple[str, str]]:
    """`pythons` are those that the lock is for: what others need it does not record."""
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
    needs = [need for need in now.requires if not need.is_optional() and pythons.allows_any(need.python_constraint)]
    current_needs = {_spell(need) for need in needs}
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
    """Check every project; print what is wrong and how to mend it."""
    projects = find_projects()
    stale = [line for project in projects for line in (*stale_for_poetry(project), *stale_records(project))]
    useless = [line for project in projects for line in uninstallable(project)]
    print("\n".join([*stale, *useless]) or "every lock is fresh")
    if stale:
        print("run: tox -e relock")
    if useless:
        print("name the versions that have wheels in the pyproject.toml, by python_version")
    return len(stale) + len(useless)


if __name__ == "__main__":
    sys.exit(main())
