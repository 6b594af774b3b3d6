"""Writes the project of a new adapter."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from antiphon_core.errors import BadSettings
from packaging.version import Version

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_GROUPS_INSIDE = """[tool.poetry.group.workspace.dependencies]
antiphon-core = { path = "../../core", develop = true }
antiphon-proto = { path = "../../proto", develop = true }

[tool.poetry.group.test.dependencies]
coverage = ">=7.6"
hypothesis = ">=6.100"
pytest = ">=8"
pytest-asyncio = ">=0.24"
pytest-timeout = ">=2.3"
"""
_GROUPS_OUTSIDE = """[tool.poetry.group.test.dependencies]
pytest = ">=8"
"""
_LICENCE = 'license = "Apache-2.0"\nlicense-files = ["LICENSE"]\n'


@dataclass(frozen=True, slots=True)
class NewAdapter:
    """What a new adapter is called, and where its project goes."""

    name: str
    folder: Path
    core_version: str
    in_repository: bool

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadSettings(
                f"{self.name!r} cannot be an adapter's name: lower-case letters, digits and single dashes, such as "
                "`engine` or `engine-2`",
                subject=self.name,
            )

    @property
    def package(self) -> str:
        return f"antiphon_adapter_{self.name.replace('-', '_')}"

    @property
    def words(self) -> Mapping[str, str]:
        """What the template's words become."""
        version = Version(self.core_version)
        return {
            "NAME": self.name,
            "PACKAGE": self.package,
            "CLASS": "".join(part.capitalize() for part in self.name.split("-")),
            "VERSION": self.core_version if self.in_repository else "0.1.0",
            "CORE": f">={version.major}.{version.minor},<{version.major}.{version.minor + 1}",
            "LICENCE": _LICENCE if self.in_repository else "",
            "GROUPS": _GROUPS_INSIDE if self.in_repository else _GROUPS_OUTSIDE,
        }

    def write(self) -> list[Path]:
        """Every file that was written. A folder that holds something is left alone."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise BadSettings(f"{self.folder} is not empty; name another place with --folder", subject=str(self.folder))
        package = self.folder / "src" / self.package
        written = [*self._fill(files(__package__) / "template", self.folder, package)]
        for name in ("__init__.py", "py.typed"):
            (package / name).touch()
            written.append(package / name)
        if self.in_repository:
            (self.folder / "poetry.toml").symlink_to("../../poetry.toml")
            # A copy, as source archives take in nothing from outside of their folder.
            shutil.copy(self.folder.parents[1] / "LICENSE", self.folder)
            written += [self.folder / "poetry.toml", self.folder / "LICENSE"]
        return sorted(written)

    def _fill(self, template: Traversable, folder: Path, package: Path) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for each in template.iterdir():
            if each.is_dir():
                written += self._fill(each, package if each.name == "src" else folder / each.name, package)
            else:
                path = folder / each.name.removesuffix(".in")
                path.write_text(filled(each.read_text(encoding="utf-8"), self.words), encoding="utf-8")
                written.append(path)
        return written


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with every @WORD@ replaced."""
    return re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)
