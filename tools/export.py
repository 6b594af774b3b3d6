"""Writes what each lock pins as a hash-checked file for pip: out/requirements/<project>.txt.

In the form of constraints, because that one names the index's packages only: ours come as built wheels.
`pip install --require-hashes -r FILE`, then `pip install --no-deps` our wheels.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.projects import ROOT, Project, find_projects

FOLDER = ROOT / "out/requirements"


def export(project: Project, folder: Path) -> Path:
    """Write the project's file into the folder."""
    path = folder / f"{project.name}.txt"
    command = ["poetry", "export", "--quiet", "--only", "main", "--format", "constraints.txt", "--output", str(path)]
    subprocess.run(command, cwd=project.folder, check=True)
    return path


def main() -> int:
    """Export every project that is published."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for project in find_projects():
        if project.is_published:
            print(export(project, FOLDER).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
