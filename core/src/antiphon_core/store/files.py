"""The store as an adapter sees it."""

from __future__ import annotations

from pathlib import Path

from antiphon_core.store.catalogue import Catalogue
from antiphon_core.store.progress import Progress
from antiphon_core.store.store import Store


class StoreFiles:
    """One catalogue's entries in a store; implements `models.ModelFiles`."""

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self.store = store
        self.catalogue = catalogue

    def get(self, entry_id: str, progress: Progress | None = None) -> Path:
        """The folder of an entry's files; a host that shows loading passes `progress`."""
        return self.store.get(self.catalogue.entry(entry_id), progress)

    def have(self, entry_id: str) -> bool:
        return self.store.have(self.catalogue.entry(entry_id))
