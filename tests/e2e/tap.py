"""A line tap between a client and the server: passes every message on, keeps it, and checks the server's events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from antiphon_orchestrator.api.realtime.outbox import OWN_PREFIX
from antiphon_orchestrator.testing.protocol import check_server_event
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_AUDIO = ("audio", "delta")


@dataclass(frozen=True, slots=True)
class Message:
    """One event, its audio replaced by its length."""

    at_s: float
    source: Literal["client", "server"]
    event: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.event["type"])


@dataclass(slots=True)
class Tap:
    """One client's line. `faults`: what the server sent that the protocol does not know."""

    server: str
    messages: list[Message] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    address: str = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Tap]:
        """Takes calls on a free port."""
        async with serve(self._call, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None) as server:
            self.address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    def sent(self, type_: str) -> list[dict[str, Any]]:
        """The client's events of this type."""
        return [message.event for message in self.messages if message.source == "client" and message.type == type_]

    def told(self, type_: str) -> list[dict[str, Any]]:
        """The server's events of this type."""
        return [message.event for message in self.messages if message.source == "server" and message.type == type_]

    async def _call(self, client: ServerConnection) -> None:
        assert client.request is not None
        key = client.request.headers.get("Authorization")
        headers = {"Authorization": key} if key else {}
        url = self.server.replace("http", "ws", 1) + client.request.path
        async with (
            connect(url, additional_headers=headers, compression=None, max_size=None) as server,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._pass_on(client, server, "client"))
            tasks.create_task(self._pass_on(server, client, "server"))

    async def _pass_on(
        self,
        source: ClientConnection | ServerConnection,
        target: ClientConnection | ServerConnection,
        name: Literal["client", "server"],
    ) -> None:
        try:
            async for message in source:
                self._keep(name, json.loads(message))
                await target.send(message)
        except ConnectionClosed:
            pass
        finally:
            await target.close()

    def _keep(self, source: Literal["client", "server"], event: dict[str, Any]) -> None:
        if source == "server":
            self._check(event)
        audio = {name: f"<{len(event[name])} characters>" for name in _AUDIO if _is_audio(event, name)}
        self.messages.append(Message(time.monotonic(), source, {**event, **audio}))

    def _check(self, event: dict[str, Any]) -> None:
        try:
            if event["type"].startswith(OWN_PREFIX):
                raise ValueError("an event of our own reached a client that did not ask for such")
            check_server_event(event)
        except ValueError as error:
            self.faults.append(f"{event['type']}: {error}")


def _is_audio(event: dict[str, Any], name: str) -> bool:
    return name in event and ("audio.delta" in event["type"] or event["type"] == "input_audio_buffer.append")
