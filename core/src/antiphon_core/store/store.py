"""The model store: a folder that holds what catalogues name, fetched when first asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from antiphon_core.errors import BadSettings, LicenceRefused
from antiphon_core.store.catalogue import Catalogue, Entry
from antiphon_core.store.disk import disk_errors
from antiphon_core.store.fetch import Fetch
from antiphon_core.store.licences import permits
from antiphon_core.store.lock import locked
from antiphon_core.store.progress import Progress, progress_on
from antiphon_core.store.shelf import Shelf

ROOT_VARIABLE = "ANTIPHON_MODELS"


def default_root() -> Path:
    """$ANTIPHON_MODELS, else `antiphon/models` in the user's cache folder."""
    if chosen := os.environ.get(ROOT_VARIABLE):
        return Path(chosen)
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise BadSettings(
            f"this user has no home folder to keep models in; set {ROOT_VARIABLE} to a folder", subject=ROOT_VARIABLE
        ) from error
    return cache / "antiphon" / "models"


@dataclass(frozen=True)
class Listed:
    """An entry as a listing shows it. `permitted`: by the deployment's licence allow-list."""

    entry: Entry
    folder: Path
    present: bool
    permitted: bool


class Store:
    """Holds entries, each in a folder of its own. Blocking; may be called from many threads and processes.

    `allow_licences` are the SPDX ids a deployment accepts, None accepts all. `progress` is where fetches show.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        allow_licences: Collection[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.root = (root or default_root()).expanduser().absolute()
        self._allow_licences = allow_licences
        self._progress = progress or progress_on()

    def get(self, entry: Entry, progress: Progress | None = None) -> Path:
        """The folder with the entry's verified files; fetches what is missing, showing it in `progress` if given."""
        self._require_licence(entry)
        shelf = self._shelf(entry)
        showing = progress or self._progress
        with disk_errors(self.root):
            if shelf.wanting():
                with self._locked(entry, showing):
                    if shelf.wanting():
                        Fetch(entry, shelf.folder, self._workshop(entry), showing).run()
        return shelf.folder

    def have(self, entry: Entry) -> bool:
        """Whether `get` would return without fetching."""
        return self._permits(entry) and self._present(entry)

    def verify(self, entry: Entry) -> tuple[str, ...]:
        """Hashes every file, whatever is recorded; the paths that are missing or damaged. `get` repairs them."""
        shelf = self._shelf(entry)
        with disk_errors(self.root):
            shelf.forget()
            return tuple(file.path for file in shelf.wanting())

    def remove(self, entry: Entry) -> bool:
        """Deletes the entry and what was begun of it; whether there was anything."""
        folders = [self._shelf(entry).folder, self._workshop(entry)]
        with disk_errors(self.root):
            found = [folder for folder in folders if folder.exists()]
            if found:
                with self._locked(entry, self._progress):
                    for folder in found:
                        shutil.rmtree(folder)
        return bool(found)

    def listing(self, catalogue: Catalogue) -> list[Listed]:
        return [
            Listed(entry, self._shelf(entry).folder, self._present(entry), self._permits(entry))
            for entry in catalogue.entries
        ]

    def _present(self, entry: Entry) -> bool:
        with disk_errors(self.root):
            return not self._shelf(entry).wanting()

    def _permits(self, entry: Entry) -> bool:
        return permits(self._allow_licences, entry.licence)

    def _require_licence(self, entry: Entry) -> None:
        if not self._permits(entry):
            allowed = sorted(self._allow_licences or ())
            raise LicenceRefused(
                f"{entry.id!r} is under {entry.licence}, which this deployment does not allow; its allow-list is: "
                f"{', '.join(allowed) or 'empty'}. Add the licence to the list, or take another model",
                subject=entry.licence,
                allowed=allowed,
            )

    def _shelf(self, entry: Entry) -> Shelf:
        return Shelf(self.root / entry.key, entry)

    def _workshop(self, entry: Entry) -> Path:
        return self.root / ".partial" / entry.key

    def _locked(self, entry: Entry, progress: Progress) -> AbstractContextManager[None]:
        return locked(
            self.root / ".locks" / f"{entry.key}.lock",
            lambda: progress.say(f"{entry.id}: another thread or process is fetching it; waiting"),
        )
