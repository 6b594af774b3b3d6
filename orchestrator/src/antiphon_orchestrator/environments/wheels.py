"""What a wheel says of itself, read without installing it."""

from __future__ import annotations

import configparser
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from antiphon_orchestrator.environments.errors import NoEnvironment


@dataclass(frozen=True, slots=True)
class Wheel:
    """A built package."""

    path: Path
    name: str
    version: str
    requires_python: str
    needs: tuple[str, ...]
    points: str
    """The text of its entry_points.txt."""

    def entry_points(self, group: str) -> list[str]:
        """The names in one group of its entry points."""
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self.points)
        return list(parser[group]) if parser.has_section(group) else []


def read_wheel(path: Path) -> Wheel:
    """Raises NoEnvironment if the file is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = Parser().parsestr(_member(archive, "METADATA"))
            points = _member(archive, "entry_points.txt")
    except (OSError, zipfile.BadZipFile) as error:
        raise NoEnvironment(f"{path} cannot be read: {error}; get it again", subject=str(path)) from None
    return Wheel(
        path,
        canonicalize_name(metadata["Name"] or ""),
        metadata["Version"] or "",
        metadata["Requires-Python"] or "",
        tuple(canonicalize_name(Requirement(line).name) for line in metadata.get_all("Requires-Dist", [])),
        points,
    )


def with_needs(wheel: Wheel, there: Sequence[Wheel]) -> list[Wheel]:
    """The wheel, and all that it needs and that is there, directly or not; of several versions the last one."""
    by_name = {each.name: each for each in there}
    found, open_names = {wheel.name: wheel}, list(wheel.needs)
    while open_names:
        name = open_names.pop()
        if name in by_name and name not in found:
            found[name] = by_name[name]
            open_names += by_name[name].needs
    return list(found.values())


def _member(archive: zipfile.ZipFile, name: str) -> str:
    found = [path for path in archive.namelist() if path.endswith(f".dist-info/{name}")]
    return archive.read(found[0]).decode() if found else ""
