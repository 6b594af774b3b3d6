"""What the store's tests live in: entries, a web server that can be cut, packages, a display that remembers."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from antiphon_core.store import Bar, Catalogue, Entry


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def noise(size_bytes: int, seed: str = "") -> bytes:
    """Bytes that differ everywhere, the same ones each time."""
    blocks = (hashlib.sha256(f"{seed}{number}".encode()).digest() for number in range(size_bytes // 32 + 1))
    return b"".join(blocks)[:size_bytes]


def file_of(content: bytes, *sources: object, path: str = "model.bin") -> dict[str, Any]:
    return {"path": path, "sha256": sha256(content), "size_bytes": len(content), "sources": list(sources)}


def entry_of(*files: Mapping[str, Any], folder: Path = Path(), **fields: str) -> Entry:
    written = {"id": "tiny", "licence": "Apache-2.0", "files": files} | fields
    return Catalogue.model_validate({"entries": [written]}, context={"folder": folder}).entries[0]


@dataclass
class Shown:
    """A display that remembers what it showed."""

    lines: list[str] = field(default_factory=list)
    bars: list[ShownBar] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def start(self, what: str, total_bytes: int) -> Bar:
        self.bars.append(ShownBar(what, total_bytes))
        return self.bars[-1]


@dataclass
class ShownBar:
    what: str
    total_bytes: int
    steps: list[int] = field(default_factory=list)
    closed: bool = False

    def at(self, done_bytes: int) -> None:
        self.steps.append(done_bytes)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Asked:
    path: str
    begin: int
    authorization: str | None


class WebServer:
    """Serves `files`. Of the next answers, `cuts` says after how many bytes each breaks, `refusals` their status.

    While `gate` is shut, bodies of some length wait for it half-way.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.cuts: list[int] = []
        self.refusals: list[int] = []
        self.takes_ranges = True
        self.tells_length = True
        self.asked: list[Asked] = []
        self.gate = threading.Event()
        self.gate.set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.web = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: WebServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        web = self.server.web
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        web.asked.append(Asked(self.path, begin, self.headers.get("Authorization")))
        if self.path in web.moved:
            self._head(302, 0, Location=web.moved[self.path])
        elif web.refusals:
            self._head(web.refusals.pop(0), 0)
        elif self.path not in web.files:
            self._head(404, 0)
        else:
            self._serve(web.files[self.path], begin if web.takes_ranges else 0)

    def _serve(self, content: bytes, begin: int) -> None:
        web = self.server.web
        if begin and begin >= len(content):
            self._head(416, 0, **{"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[begin:]
        self._head(206 if begin else 200, len(body) if web.tells_length else None)
        end = web.cuts.pop(0) if web.cuts else len(body)
        middle = end // 2
        self.wfile.write(body[:middle])
        if end < 10_000 or web.gate.wait(15):
            self.wfile.write(body[middle:end])

    def _head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def wheel(
    folder: Path,
    members: Mapping[str, bytes],
    *,
    name: str = "tiny",
    tag: str = "py3-none-any",
    requires_python: str = ">=3.9",
) -> Path:
    """A wheel of version 1.0."""
    info = f"{name}-1.0.dist-info"
    texts = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: {requires_python}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {**members, **{name: text.encode() for name, text in texts.items()}}.items():
            archive.writestr(member, content)
    return path


_BACKEND = """
import os, pathlib, tempfile

def get_requires_for_build_wheel(config_settings=None):
    if log := os.environ.get("TINY_BACKEND_LOG"):
        pathlib.Path(log).write_text(tempfile.gettempdir())
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = pathlib.Path(metadata_directory, "tiny-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    return info.name

def build_wheel(*args, **kwargs):
    raise NotImplementedError
"""


def sdist(folder: Path, members: Mapping[str, bytes]) -> Path:
    """A source archive of tiny 1.0, with a build backend that needs nothing; it logs where temporary files go."""
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    pkg_info = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    texts = {"pyproject.toml": project, "backend.py": _BACKEND, "PKG-INFO": pkg_info}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, content in {**members, **{name: text.encode() for name, text in texts.items()}}.items():
            info = tarfile.TarInfo(f"tiny-1.0/{member}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def index_page(names: Sequence[str]) -> bytes:
    return "".join(f'<a href="/files/{name}">{name}</a>' for name in names).encode()
