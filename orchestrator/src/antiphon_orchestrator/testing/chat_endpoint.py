"""A chat endpoint on a real socket that answers as it is told to: well, slowly, wrongly, by half or not at all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Json = Mapping[str, Any]


class Act(Enum):
    """What an endpoint can do beside sending."""

    HANG = auto()
    BREAK_OFF = auto()


Step = str | bytes | float | Json | Act
"""A word of the answer, raw bytes, a pause in seconds, a whole chunk, or an act."""


@dataclass(frozen=True)
class Script:
    """One answer. `steps` are taken one after the other; `is_whole` ends it as the protocol wants."""

    steps: tuple[Step, ...] = ("Hello ", "there.")
    status: int = 200
    headers: Json = field(default_factory=lambda: {"content-type": "text/event-stream"})
    is_whole: bool = True


def words(*steps: Step) -> Script:
    """An answer that comes to its end."""
    return Script(steps)


def raw(*steps: Step, status: int = 200, content_type: str = "text/event-stream", **headers: str) -> Script:
    """Exactly these bytes and no more."""
    return Script(steps, status, {"content-type": content_type, **headers}, is_whole=False)


@dataclass
class ChatEndpoint:
    """Answers with the `scripts` in turn, then as `otherwise` says. Keeps what it was asked."""

    otherwise: Callable[[Json], Script] = lambda asked: Script()
    scripts: deque[Script] = field(default_factory=deque)
    asked: list[Json] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    models_asked: int = 0
    connections: set[Any] = field(default_factory=set)
    running: int = 0
    aborted: int = 0
    base_url: str = ""

    def will(self, *scripts: Script) -> None:
        self.scripts.extend(scripts)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Listens; gives its base URL."""
        routes = [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off")
            config.load()
            server = uvicorn.Server(config)
            server.lifespan = config.lifespan_class(config)
            # Not `serve`, which would take the process's signals and let everybody wait for its next look around.
            await server.startup(sockets=[listener])
            self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
            try:
                yield self.base_url
            finally:
                server.force_exit = True
                await server.shutdown(sockets=[listener])

    async def _chat(self, request: Request) -> Response:
        self.connections.add(request.client)
        self.headers.append(dict(request.headers))
        self.asked.append(asked := await request.json())
        return _Scripted(self.scripts.popleft() if self.scripts else self.otherwise(asked), self)

    async def _models(self, request: Request) -> Response:
        self.connections.add(request.client)
        self.models_asked += 1
        return JSONResponse({"object": "list", "data": []})


class _Scripted(Response):
    """Follows a script until its end, or until the client goes."""

    def __init__(self, script: Script, endpoint: ChatEndpoint) -> None:
        super().__init__(status_code=script.status)
        self._script = script
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint.running += 1
        following = asyncio.ensure_future(self._follow(send))
        leaving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                self._endpoint.aborted += 1
        finally:
            leaving.cancel()
            following.cancel()
            ended = (await asyncio.gather(following, leaving, return_exceptions=True))[0]
            self._endpoint.running -= 1
        if isinstance(ended, ConnectionResetError):
            raise ended

    async def _follow(self, send: Send) -> None:
        headers = [(name.encode(), str(value).encode()) for name, value in self._script.headers.items()]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        for piece in _pieces(self._script):
            if isinstance(piece, bytes):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            elif isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece is Act.HANG:
                await asyncio.Event().wait()
            else:
                raise ConnectionResetError("as the script wants it")
        await send({"type": "http.response.body", "body": b""})


def _pieces(script: Script) -> Iterable[bytes | float | Act]:
    for step in script.steps:
        if isinstance(step, str):
            yield _event({"choices": [{"index": 0, "delta": {"content": step}, "finish_reason": None}]})
        else:
            yield _event(step) if isinstance(step, Mapping) else step
    if script.is_whole:
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield _event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(script.steps)}})
        yield b"data: [DONE]\n\n"


def _event(data: Json) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
