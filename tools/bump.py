"""Gives all projects of this repository their next version together: `python -m tools.bump 0.2.0`."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.projects import ROOT, find_projects

QUOTING = (
    "docs/write-an-adapter.md",
    "docs/kubernetes.md",
    "deploy/kubernetes/kuberay/kustomization.yaml",
    "deploy/kubernetes/overlays/cpu/kustomization.yaml",
    "deploy/kubernetes/overlays/gpu/kustomization.yaml",
)
"""What shows a pyproject.toml, or names images of this version."""
CHANGELOG = "CHANGELOG.md"
_VERSION = re.compile(r'^(\[project\]\nname = "antiphon-[\w-]+"\nversion = )".*"$', re.MULTILINE)
_RANGE = re.compile(r"\b(antiphon-(?:proto|core|orchestrator))>=[\d.]+,<[\d.]+")
_TAG = re.compile(r"(\bantiphon-[\w-]+, (?:newName: \S+, )?newTag: )[\w.]+")
_UNRELEASED = "## Unreleased\n"


def range_of(version: Version) -> str:
    """What our projects ask of one another: the same minor version."""
    return f">={version.major}.{version.minor},<{version.major}.{version.minor + 1}"


def bumped(text: str, version: Version) -> str:
    """A pyproject.toml, or what shows one or names images, at that version."""
    text = _TAG.sub(rf"\g<1>{version}", _VERSION.sub(rf'\g<1>"{version}"', text))
    return _RANGE.sub(rf"\g<1>{range_of(version)}", text)


def bump(version: Version, today: datetime.date, root: Path = ROOT) -> list[Path]:
    """The files that were changed."""
    changed = []
    for path in _places(root):
        old = path.read_text(encoding="utf-8")
        new = bumped(old, version)
        if path.name == CHANGELOG:
            new = old.replace(_UNRELEASED, f"{_UNRELEASED}\n## {version} - {today.isoformat()}\n", 1)
        if new != old:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def _places(root: Path) -> Iterator[Path]:
    yield from (project.folder / "pyproject.toml" for project in find_projects(root))
    yield from filter(Path.exists, (root / name for name in (*QUOTING, CHANGELOG)))


def main(arguments: list[str]) -> int:
    """Write the version into every project; the locks are made again afterwards."""
    try:
        version = Version(*arguments)
    except (TypeError, InvalidVersion):
        print("say which version is next: tox -e bump -- 0.2.0", file=sys.stderr)
        return 2
    for path in bump(version, datetime.datetime.now(datetime.UTC).date()):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
