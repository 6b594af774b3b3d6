"""Runs mypy once per project, over its sources and its tests, and once per folder of tests/.

Once each, because such tests are modules of a world of their own: two of them may both have a `conftest`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.projects import ROOT, find_projects


def main(places: list[str]) -> int:
    """Check the named folders, or all; the sum of failures is the exit status."""
    sources = [project.folder / "src" for project in find_projects() if project.is_published]
    worlds = {source.parent: [source, source.parent / "tests"] for source in sources}
    worlds |= {folder: [folder] for folder in sorted((ROOT / "tests").iterdir()) if folder.is_dir()}
    worlds[ROOT / "tools"] = [ROOT / "tools", ROOT / "toxfile.py"]
    wanted = [ROOT / place for place in places] or list(worlds)
    return sum(_check(folder, worlds[folder], sources) for folder in wanted)


def _check(folder: Path, targets: list[Path], sources: list[Path]) -> int:
    targets = [target for target in targets if target.is_file() or any(target.rglob("*.py"))]
    if not targets:
        return 0
    print(f"{folder.relative_to(ROOT)}:", end=" ", flush=True)
    path = os.pathsep.join(str(part) for part in (*sources, *_helpers(folder)))
    done = subprocess.run(["mypy", *targets], cwd=ROOT, env={**os.environ, "MYPYPATH": path}, check=False)
    return int(done.returncode != 0)


def _helpers(folder: Path) -> list[Path]:
    """Where the tests import helpers from: the folder of all tests, and any below it that has no conftest.py."""
    tests = folder if folder.parent.name == "tests" else folder / "tests"
    below = {path.parent for path in tests.rglob("*.py") if "/." not in str(path)} - {tests}
    return [tests, *(place for place in sorted(below) if not (place / "conftest.py").exists())]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
