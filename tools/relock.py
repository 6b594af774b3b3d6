"""Locks every project again, or those named; versions already locked stay where they may."""

from __future__ import annotations

import subprocess
import sys

from tools.projects import ROOT, Project, find_projects
from tools.pythons import python_for


def main(places: list[str]) -> int:
    """Run `poetry lock` in each folder; the sum of failures is the exit status."""
    projects = [Project((ROOT / place).resolve()) for place in places] or find_projects()
    return sum(_lock(project) for project in projects)


def _lock(project: Project) -> int:
    print(f"{project.name}: locking", flush=True)
    with python_for(project.requires_python) as variables:
        return int(subprocess.run(["poetry", "lock"], cwd=project.folder, env=variables, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
