"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from antiphon_core.store.part import chunks_of


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in chunks_of(file):
            digest.update(chunk)
    return digest.hexdigest()
