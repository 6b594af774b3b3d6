"""A catalogue: which models can be fetched, from where, and under which licence.

entries:
  - id: anna
    licence: Apache-2.0                  # an SPDX expression; shown, and held against the allow-list
    licence_url: https://...             # optional, like licence_note and description
    files:
      - path: anna.onnx                  # in the entry's folder
        sha256: 5f70741d4e900f4e...
        size_bytes: 7936868
        sources:                         # in order of preference; the schemes are in sources/__init__.py
          - pypi:anna-voice==1.0.0#anna/anna.onnx
          - hf:org/repo@revision/anna.onnx
          - concat: ["https://host/part-1", "https://host/part-2"]
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

from antiphon_core.errors import BadSettings, UnknownModel
from antiphon_core.store.sources import source_from
from antiphon_core.store.sources.base import Source

FILE_NAME = "catalogue.yaml"


def _source(written: object, info: ValidationInfo) -> Source:
    return source_from(written, info.context["folder"] if info.context else Path())


def _inner_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    if str(PurePosixPath(path)) != path or path.startswith(("/", ".")) or ".." in parts:
        raise ValueError("a path is relative to the entry's folder and does not begin with a dot or leave the folder")
    return path


def _distinct(key: Callable[[Any], str]) -> AfterValidator:
    def check(items: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [key(item) for item in items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        return items

    return AfterValidator(check)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class FileSpec(_Strict):
    """A file of an entry; its sources stand in order of preference."""

    path: Annotated[str, AfterValidator(_inner_path)]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    sources: tuple[Annotated[Source, BeforeValidator(_source)], ...] = Field(min_length=1)


class Entry(_Strict):
    """Files that belong together, such as a model's weights and vocabulary."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    licence: str = Field(min_length=1, description="an SPDX expression")
    licence_url: str = ""
    licence_note: str = ""
    description: str = ""
    files: Annotated[tuple[FileSpec, ...], Field(min_length=1), _distinct(lambda file: file.path)]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def key(self) -> str:
        """Names exactly these contents, so that catalogues that use one id for different files do not clash."""
        contents = "\n".join(f"{file.sha256} {file.path}" for file in self.files)
        return f"{self.id}-{hashlib.sha256(contents.encode()).hexdigest()[:12]}"


class Catalogue(_Strict):
    """The entries of one catalogue file."""

    entries: Annotated[tuple[Entry, ...], _distinct(lambda entry: entry.id)] = ()

    def entry(self, entry_id: str) -> Entry:
        for entry in self.entries:
            if entry.id == entry_id:
                return entry
        allowed = [entry.id for entry in self.entries]
        raise UnknownModel(
            f"the catalogue has no entry {entry_id!r}; it has: {', '.join(allowed) or 'none at all'}",
            subject=entry_id,
            allowed=allowed,
        )


def load_catalogue(path: Path) -> Catalogue:
    """Reads a catalogue file; raises BadSettings with a line for every fault in it."""
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSettings(f"cannot read the catalogue {path}: {error}", subject=str(path)) from error
    try:
        return Catalogue.model_validate(written, context={"folder": path.parent})
    except ValidationError as error:
        faults = [f"{_place(fault['loc'], written)}: {fault['msg']}" for fault in error.errors()]
        message = "\n  ".join([f"the catalogue {path} is malformed:", *faults])
        raise BadSettings(message, subject=str(path)) from error


def catalogue_of(module: str) -> Catalogue:
    """The catalogue beside a module (imported or not) or in a package; an empty one if it has none."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise BadSettings(f"there is no module {module!r} to find a {FILE_NAME} beside", subject=module)
    path = Path(spec.origin).with_name(FILE_NAME)
    return load_catalogue(path) if path.exists() else Catalogue()


def _place(loc: tuple[int | str, ...], written: Any) -> str:
    """Where a fault is, as its author knows it: entry 'anna', files[0].sha256."""
    names, rest = [], list(loc)
    if len(loc) > 1 and loc[0] == "entries" and isinstance(loc[1], int):
        entry = written["entries"][loc[1]]
        names.append(f"entry {entry['id']!r}" if isinstance(entry, dict) and "id" in entry else f"entry {loc[1] + 1}")
        rest = rest[2:]
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest).lstrip(".")
    return ", ".join([*names, *([key] if key else [])]) or "the file"
