"""Fetching what is missing of an entry: the sources in their order, each result verified."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from antiphon_core.errors import CannotLoad
from antiphon_core.store.catalogue import Entry, FileSpec
from antiphon_core.store.checksum import sha256_of
from antiphon_core.store.disk import require_room, size_text
from antiphon_core.store.part import Part, SourceFailed
from antiphon_core.store.progress import Bar, Progress
from antiphon_core.store.shelf import Shelf
from antiphon_core.store.sources.base import Source

Failures = Sequence[tuple[Source, SourceFailed]]


class Fetch:
    """Brings an entry's folder into being, or into order.

    `workshop` keeps what was begun until the entry is whole: a try that ends early is gone on with by the next. A new
    folder appears at once with all its files; in one that is there, damaged files are replaced one by one.
    """

    def __init__(self, entry: Entry, folder: Path, workshop: Path, progress: Progress) -> None:
        self._entry = entry
        self._folder = folder
        self._parts = workshop / "parts"
        self._scratch = workshop / "scratch"
        self._workshop = workshop
        self._progress = progress

    def run(self) -> None:
        repair = self._folder.is_dir()
        shelf = Shelf(self._folder if repair else self._workshop / "files", self._entry)
        self._announce(repair)
        self._fill(shelf)
        if not repair:
            shelf.folder.rename(self._folder)
        shutil.rmtree(self._workshop, ignore_errors=True)

    def _announce(self, repair: bool) -> None:
        entry = self._entry
        where = f" ({entry.licence_url})" if entry.licence_url else ""
        note = f"; {entry.licence_note}" if entry.licence_note else ""
        self._progress.say(f"{entry.id}: {entry.licence}{where}, {size_text(entry.size_bytes)}{note}")
        if repair:
            self._progress.say(f"{entry.id}: files in {self._folder} are missing or damaged; fetching those again")

    def _fill(self, shelf: Shelf) -> None:
        wanting = shelf.wanting()
        total_bytes = sum(file.size_bytes for file in wanting)
        self._workshop.mkdir(parents=True, exist_ok=True)
        begun_bytes = sum(path.stat().st_size for path in self._parts.rglob("*") if path.is_file())
        require_room(self._folder.parent, total_bytes - begun_bytes, self._entry.id)
        bar = self._progress.start(self._entry.id, total_bytes)
        try:
            done_bytes = 0
            for file in wanting:
                shelf.put(file, self._whole(file, partial(_report, bar, done_bytes)))
                done_bytes += file.size_bytes
                bar.at(done_bytes)
        finally:
            bar.close()

    def _whole(self, file: FileSpec, report: Callable[[int], None]) -> Path:
        """The verified file, from the first source that has it."""
        failures = []
        for source in file.sources:
            part = self._part(file, source, report)
            try:
                obtain(source, part, file)
            except SourceFailed as failure:
                self._progress.say(f"{self._entry.id}: {source}: {failure}")
                failures.append((source, failure))
            else:
                return part.path
        # An archive that was kept may be what is wrong; the next try shall not meet it again.
        shutil.rmtree(self._scratch, ignore_errors=True)
        raise self._cannot_load(file, failures)

    def _part(self, file: FileSpec, source: Source, report: Callable[[int], None]) -> Part:
        name = hashlib.sha256(f"{file.sha256} {file.path} {source}".encode()).hexdigest()[:16]
        return Part(self._parts / name, self._scratch, file.size_bytes, file.sha256, report, self._progress.say)

    def _cannot_load(self, file: FileSpec, failures: Failures) -> CannotLoad:
        tried = "".join(f"\n  {source}: {failure}" for source, failure in failures)
        remedies = "; ".join(dict.fromkeys(source.remedy for source, _ in failures))
        return CannotLoad(
            f"cannot fetch {file.path} ({size_text(file.size_bytes)}) of {self._entry.id!r}; sources tried:{tried}\n"
            f"What helps: {remedies}; or put the file with sha256 {file.sha256} at {self._folder / file.path}",
            subject=self._entry.id,
            allowed=[str(source) for source in file.sources],
        )


def _report(bar: Bar, before_bytes: int, here_bytes: int) -> None:
    bar.at(before_bytes + here_bytes)


def obtain(source: Source, part: Part, file: FileSpec) -> None:
    """Fetches and verifies. What goes on from an earlier try's data and comes out wrong is fetched anew, once."""
    begun = part.begun
    source.fetch(part)
    sha256 = sha256_of(part.path)
    if begun and sha256 != file.sha256:
        part.restart()
        source.fetch(part)
        sha256 = sha256_of(part.path)
    if sha256 != file.sha256:
        got = size_text(part.have_bytes)
        part.restart()
        raise SourceFailed(
            f"it gave {got} with sha256 {sha256}, the catalogue wants {size_text(file.size_bytes)} with {file.sha256}"
        )
