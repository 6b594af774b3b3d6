"""Stand-ins for the model store."""

from __future__ import annotations

from pathlib import Path


class NoFiles:
    """An empty store with no way to fetch: right for engines that bring their weights along."""

    def get(self, entry_id: str) -> Path:
        raise LookupError(
            f"the adapter asked for the files of {entry_id!r}, and this test gives it none; "
            "FolderFiles(folder) gives those of a folder that holds one folder per entry"
        )

    def have(self, entry_id: str) -> bool:
        return False


class FolderFiles:
    """A folder that holds one folder of files per catalogue entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, entry_id: str) -> Path:
        if not self.have(entry_id):
            raise LookupError(f"{self._folder} holds no folder {entry_id!r}; put the entry's files there")
        return self._folder / entry_id

    def have(self, entry_id: str) -> bool:
        return (self._folder / entry_id).is_dir()
