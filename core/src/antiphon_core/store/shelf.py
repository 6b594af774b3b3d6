"""A folder of an entry's files, and what is already known about them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from threading import get_ident
from typing import Any

from antiphon_core.store.catalogue import Entry, FileSpec
from antiphon_core.store.checksum import sha256_of

_RECORD = ".verified.json"
_SECOND_NS = 1_000_000_000


class Shelf:
    """Knows which of an entry's files are here and right.

    A file is hashed once; a record beside the files keeps its checksum for as long as size and modification time stay
    as they were. Without a record, as in a store that was filled by hand, every look hashes and, if it can, records.
    """

    def __init__(self, folder: Path, entry: Entry) -> None:
        self.folder = folder
        self._entry = entry

    def wanting(self) -> list[FileSpec]:
        """The files that are not here or not what they should be."""
        if not self.folder.is_dir():
            return list(self._entry.files)
        old = self._read_record()
        new = {}
        for file in self._entry.files:
            stamp = self._stamp(file)
            if stamp is not None and (old.get(file.path) == stamp or self._hashes_right(file)):
                new[file.path] = stamp
        if new != old:
            self._write_record(new)
        return [file for file in self._entry.files if file.path not in new]

    def put(self, file: FileSpec, whole: Path) -> None:
        """Moves a verified file here, over whatever was in its place."""
        with whole.open("rb") as written:
            os.fsync(written)  # a power cut must not leave a name, a size and a date without the data
        # In whole seconds the modification time survives archives and image layers; later writes will show in it.
        modified_ns = whole.stat().st_mtime_ns // _SECOND_NS * _SECOND_NS
        os.utime(whole, ns=(modified_ns, modified_ns))
        place = self.folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(place)
        self._write_record(self._read_record() | {file.path: self._stamp(file)})

    def forget(self) -> None:
        """Drops what is known, so that the next look hashes everything."""
        (self.folder / _RECORD).unlink(missing_ok=True)

    def _stamp(self, file: FileSpec) -> dict[str, Any] | None:
        """What the record says of a file that is right; None if it cannot be right."""
        try:
            status = (self.folder / file.path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not S_ISREG(status.st_mode) or status.st_size != file.size_bytes:
            return None
        return {"size_bytes": status.st_size, "modified_ns": status.st_mtime_ns, "sha256": file.sha256}

    def _hashes_right(self, file: FileSpec) -> bool:
        return sha256_of(self.folder / file.path) == file.sha256

    def _read_record(self) -> dict[str, Any]:
        try:
            record = json.loads((self.folder / _RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _write_record(self, record: dict[str, Any]) -> None:
        temporary = self.folder / f"{_RECORD}.{os.getpid()}-{get_ident()}"
        with suppress(OSError):  # a store that cannot be written can still be used
            temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
            temporary.replace(self.folder / _RECORD)
