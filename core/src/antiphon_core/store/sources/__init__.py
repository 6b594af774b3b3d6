"""Where files can be had from: a scheme is a source class and a line in this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from antiphon_core.store.sources.base import Source
from antiphon_core.store.sources.concat import ConcatSource
from antiphon_core.store.sources.file import FileSource
from antiphon_core.store.sources.hf import HfSource
from antiphon_core.store.sources.http import HttpSource
from antiphon_core.store.sources.npm import NpmSource
from antiphon_core.store.sources.package import SdistSource, WheelSource

SCHEMES: Mapping[str, Callable[[str, Path], Source]] = {
    "file": FileSource,
    "hf": HfSource,
    "http": HttpSource,
    "https": HttpSource,
    "npm": NpmSource,
    "pypi": WheelSource,
    "sdist": SdistSource,
}


def source_from(written: object, folder: Path) -> Source:
    """A source as a catalogue in `folder` writes it: `scheme:rest`, or `{concat: [sources]}`."""
    if isinstance(written, Mapping) and set(written) == {"concat"} and isinstance(written["concat"], list):
        if not written["concat"]:
            raise ValueError("concat lists at least one source")
        return ConcatSource([source_from(piece, folder) for piece in written["concat"]])
    if not isinstance(written, str):
        raise ValueError("a source is a text, scheme:rest, or {concat: [sources]}")
    scheme = written.partition(":")[0]
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; there are: {', '.join(SCHEMES)}")
    return SCHEMES[scheme](written, folder)
