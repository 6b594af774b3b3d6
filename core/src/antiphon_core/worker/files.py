"""Files: what a worker gives its adapter for fetching weights."""

from __future__ import annotations

from pathlib import Path


class NoFiles:
    def get(self, entry_id: str) -> Path:
        raise NotImplementedError

    def have(self, entry_id: str) -> bool:
        return True
