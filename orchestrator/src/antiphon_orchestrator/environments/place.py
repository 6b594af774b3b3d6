"""Where engines' environments are kept, and what is known of each.

A folder per engine holds one build and the link `current` to it. The link is made when a build is finished and tried,
so that a build which was killed is never taken for an environment.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from antiphon_core.store.lock import locked

from antiphon_orchestrator.environments.errors import NoEnvironment

ROOT_VARIABLE = "ANTIPHON_ENVIRONMENTS"
_BUILD = "build-"
_RECORD = "antiphon.json"


def environments_root() -> Path:
    """$ANTIPHON_ENVIRONMENTS, else `antiphon/environments` in the user's data folder."""
    if chosen := os.environ.get(ROOT_VARIABLE):
        return Path(chosen).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return data / "antiphon/environments"


@dataclass(frozen=True, slots=True)
class Record:
    """What an environment was made of."""

    engine: str
    distribution: str
    version: str
    python: str
    origin: str
    pins: str
    """The checksum of the pins; empty where pip chose the versions."""
    ours: str
    """The checksum of what is installed beside the pins: our own packages."""
    size_bytes: int


class Place:
    """The folder of one engine's environment."""

    def __init__(self, root: Path, engine: str) -> None:
        if not _is_name(engine):
            raise NoEnvironment(f"{engine!r} is no engine's name; one has letters, digits and dashes", subject=engine)
        self.engine = engine
        self.folder = root / engine
        self.current = self.folder / "current"

    @property
    def python(self) -> Path:
        return self.current / "bin/python"

    @property
    def pins(self) -> Path:
        """The file with the exact versions that the environment was made of."""
        return self.current / "pins.txt"

    @property
    def begun(self) -> bool:
        """Whether there is anything here, finished or not."""
        return self.current.is_symlink() or any(self.folder.glob(f"{_BUILD}*"))

    def locked(self, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Held by whoever changes what is here."""
        return locked(self.folder / "lock", waiting)

    def record(self) -> Record | None:
        """None while there is no finished environment."""
        try:
            return Record(**json.loads((self.current / _RECORD).read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError) as error:
            raise NoEnvironment(
                f"the environment of {self.engine} is damaged ({_RECORD}: {error}); "
                f"make it anew: antiphon env remove {self.engine} && antiphon env add {self.engine}",
                subject=self.engine,
            ) from None

    def new_build(self) -> Path:
        """An empty folder to build in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=_BUILD, dir=self.folder))

    def finish(self, build: Path, record: Record) -> None:
        """Makes the build the engine's environment, in one step, and drops what was there before."""
        (build / _RECORD).write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        fresh = self.folder / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(build.name)
        fresh.replace(self.current)
        self.sweep()

    def sweep(self) -> None:
        """Removes every build that is not the environment: what a killed process left, or what was replaced."""
        kept = self.current.resolve()
        for build in self.folder.glob(f"{_BUILD}*"):
            if build.resolve() != kept:
                shutil.rmtree(build, ignore_errors=True)

    def clear(self) -> None:
        """Removes the environment, and what is left of unfinished ones."""
        self.current.unlink(missing_ok=True)
        self.sweep()
        with suppress(OSError):
            (self.folder / "lock").unlink()
            self.folder.rmdir()


def places(root: Path) -> Iterator[Place]:
    """Every engine for which there is something on this machine, by name."""
    if root.is_dir():
        names = sorted(folder.name for folder in root.iterdir() if _is_name(folder.name))
        yield from (place for place in (Place(root, name) for name in names) if place.begun)


def _is_name(engine: str) -> bool:
    return engine.replace("-", "_").isidentifier()
