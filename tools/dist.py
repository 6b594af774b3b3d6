"""Builds a release into dist/: wheels, source archives, each project's pins, and the checksums of them all."""

from __future__ import annotations

import hashlib
import shutil
import sys
from contextlib import chdir
from pathlib import Path

from poetry.core.masonry.api import build_sdist, build_wheel

from tools.export import export
from tools.projects import ROOT, Project, find_projects

FOLDER = ROOT / "dist"
SUMS = "SHA256SUMS"


def build(project: Project, folder: Path, *, wheel_only: bool = False) -> None:
    """The project's wheel and source archive, by the backend that pip uses: any Python will do for it."""
    with chdir(project.folder):
        build_wheel(str(folder))
        if not wheel_only:
            build_sdist(str(folder))


def checksums(folder: Path) -> str:
    """A line for every file, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files)


def main() -> int:
    """Build every project that is published, from scratch."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "requirements").mkdir(parents=True)
    for project in find_projects():
        if project.is_published:
            print(f"{project.name} {project.version}", flush=True)
            build(project, FOLDER)
            export(project, FOLDER / "requirements")
    (FOLDER / SUMS).write_text(checksums(FOLDER), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
