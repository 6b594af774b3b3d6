"""The model store: fetches weights by catalogue entry, verified, licensed, resumable, once."""

from antiphon_core.store.catalogue import Catalogue, Entry, FileSpec, catalogue_of, load_catalogue
from antiphon_core.store.files import StoreFiles
from antiphon_core.store.progress import Bar, CallbackProgress, Lines, Progress, Silent, TerminalBars, progress_on
from antiphon_core.store.store import Listed, Store, default_root

__all__ = [
    "Bar",
    "CallbackProgress",
    "Catalogue",
    "Entry",
    "FileSpec",
    "Lines",
    "Listed",
    "Progress",
    "Silent",
    "Store",
    "StoreFiles",
    "TerminalBars",
    "catalogue_of",
    "default_root",
    "load_catalogue",
    "progress_on",
]
