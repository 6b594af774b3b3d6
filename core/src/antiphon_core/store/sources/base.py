"""What a source is: somewhere a file can be had from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from antiphon_core.store.part import Part


class Source(ABC):
    """Somewhere a file can be had from, written as `scheme:rest`.

    `folder` is the catalogue's own, for what is named relative to it. The constructor raises ValueError, saying what
    form is wanted, if the text has another. `remedy` tells an operator what may help when sources of this kind fail.
    """

    remedy: str

    def __init__(self, text: str, folder: Path) -> None:
        self.text = text
        self.rest = text.partition(":")[2]
        self.folder = folder

    def __str__(self) -> str:
        return self.text

    @abstractmethod
    def fetch(self, part: Part) -> None:
        """Fills `part`, going on where it ends if it can; raises SourceFailed if it cannot be filled."""
