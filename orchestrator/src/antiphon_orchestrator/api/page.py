"""The page: static files, read once, under a policy that lets nothing run or load that is not ours."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_INDEX = "index.html"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Always asked whether there is news: after an update no old module meets a new one.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    headers: dict[str, str]


class Page:
    """Serves the package's folder `web`. Whoever asks for `/` and is no browser gets the `plain` answer."""

    def __init__(self, plain: Callable[[Request], Awaitable[Response]]) -> None:
        self._plain = plain
        self._files = dict(_read(files("antiphon_orchestrator") / "web", ""))

    def routes(self) -> list[Route]:
        return [Route("/", self._index), Route("/static/{path:path}", self._static)]

    async def _index(self, request: Request) -> Response:
        is_browser = "text/html" in request.headers.get("accept", "")
        response = _answer(self._files[_INDEX], request) if is_browser else await self._plain(request)
        response.headers["Vary"] = "Accept"
        return response

    async def _static(self, request: Request) -> Response:
        file = self._files.get(request.path_params["path"])
        if file is None:
            raise HTTPException(404)
        return _answer(file, request)


def _read(folder: Traversable, below: str) -> list[tuple[str, _File]]:
    found: list[tuple[str, _File]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{below}{entry.name}/")
        elif (kind := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            content = entry.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            found.append((f"{below}{entry.name}", _File(content, {**_HEADERS, "Content-Type": kind, "ETag": tag})))
    return found


def _answer(file: _File, request: Request) -> Response:
    if request.headers.get("if-none-match") == file.headers["ETag"]:
        return Response(status_code=304, headers=file.headers)
    return Response(file.content, headers=file.headers)
