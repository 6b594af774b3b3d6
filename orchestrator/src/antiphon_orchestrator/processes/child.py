"""One of several processes that serve: `python -m antiphon_orchestrator.processes.child CHANNEL HANDOVER`.

Both are descriptors of sockets that it inherits. What it is to serve, its first message says.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import uvloop
from antiphon_core.errors import BadSettings
from antiphon_core.garbage import spare_what_is_loaded
from antiphon_core.live import LiveSettings
from antiphon_core.logs import set_up_logs
from structlog.contextvars import bind_contextvars

from antiphon_orchestrator.api.hosting import WebServer, web_config
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.keeping.base import Keep
from antiphon_orchestrator.leaving import Leaving
from antiphon_orchestrator.processes import handover
from antiphon_orchestrator.processes.channel import Channel, LineBroken
from antiphon_orchestrator.processes.house import Report
from antiphon_orchestrator.processes.remote_keep import RemoteKeep
from antiphon_orchestrator.settings import ServerSettings

BAD_SETTINGS = 2
"""The status of a process that would never serve."""
_LIMIT_S = 3.0
_LOOK_S = 0.1


class InHouse:
    """A `House`, as one of its processes knows it: by the one that started them all."""

    def __init__(self, channel: Channel, number: int, size: int) -> None:
        self._channel = channel
        self.number = number
        self.size = size

    async def metrics(self, own: Callable[[], str]) -> str:
        try:
            return str(await self._channel.ask("metrics", _LIMIT_S))
        except (LineBroken, TimeoutError):
            return own()

    async def reports(self, own: Callable[[], Report]) -> Sequence[Report]:
        try:
            reports: list[Report] = await self._channel.ask("reports", _LIMIT_S)
        except (LineBroken, TimeoutError):
            return [own()]
        return reports

    async def hang_up(self, call_id: str) -> bool:
        try:
            return bool(await self._channel.ask("hang_up", _LIMIT_S, call_id=call_id))
        except (LineBroken, TimeoutError):
            return False

    def new_keep(self) -> Keep:
        return RemoteKeep(self._channel)


class Child:
    """Serves what it is given, and tells how it is."""

    def __init__(self, line: socket.socket, handed: socket.socket) -> None:
        self._handed = handed
        self._channel = Channel(line, self._answer)
        self._order: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._server: Server | None = None
        self._taking: set[asyncio.Task[None]] = set()
        self._taken = 0
        self._told: dict[str, Any] = {}
        self._state: Callable[[], dict[str, Any]] = dict

    async def run(self) -> None:
        """Until a signal ends it, or whoever started it is gone."""
        await self._channel.open()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._hear())]
            order = await self._order
            live = LiveSettings(ServerSettings, order["flags"])
            set_up_logs(live.now.log_level, live.now.log_format)
            house = InHouse(self._channel, order["number"], order["size"])
            self._server = server = Server(live, house=house)
            web = WebServer(web_config(server.app, live.now.max_message_bytes, server.certificate))
            leaving = Leaving(server, web)
            beside = (leaving.run(), self._report(server, web, leaving), _settle(server))
            running += [tasks.create_task(work) for work in beside]
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, leaving.asked)
            await web.serve(sockets=[])
            await self._say_last_words(server)
            for task in running:
                task.cancel()

    async def _hear(self) -> None:
        await self._channel.run()
        if not self._order.done():
            self._order.set_exception(LineBroken("whoever started it is gone"))

    async def _answer(self, what: str, details: dict[str, Any]) -> Any:
        if what == "serve":
            self._order.set_result(details)
            return None
        assert self._server is not None
        if what == "hang_up":
            return self._server.calls.hang_up_here(details["call_id"])
        return self._server.exposition() if what == "metrics" else self._server.report()

    # ------------------------------------------------------------------- connections

    def _take(self, web: WebServer, leaving: Leaving) -> None:
        try:
            for connection in handover.take(self._handed):
                self._taken += 1
                task = asyncio.ensure_future(web.take(connection))
                self._taking.add(task)
                task.add_done_callback(self._taking.discard)
            self._tell_state()
        except OSError:
            asyncio.get_running_loop().remove_reader(self._handed)
            leaving.asked()

    async def _report(self, server: Server, web: WebServer, leaving: Leaving) -> None:
        """Takes connections once it serves, and says whenever it is another than it was."""
        while not web.started:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        self._state = lambda: {
            "connections": web.connections + len(self._taking),
            "calls": len(server.calls),
            "taken": self._taken,
            "ready": not server.missing(),
            "leaving": server.draining,
        }
        asyncio.get_running_loop().add_reader(self._handed, self._take, web, leaving)
        while True:
            self._tell_state()
            await asyncio.sleep(_LOOK_S)

    def _tell_state(self) -> None:
        now = self._state()
        if now != self._told:
            self._told = now
            with suppress(LineBroken):  # that the other end is gone is noticed where connections come from
                self._channel.tell("state", **now)

    async def _say_last_words(self, server: Server) -> None:
        """What it counted is not to be lost."""
        with suppress(LineBroken, TimeoutError):
            await self._channel.ask("last_words", _LIMIT_S, metrics=server.exposition())


async def _settle(server: Server) -> None:
    await server.complete()
    spare_what_is_loaded()


async def _serve(line: socket.socket, handed: socket.socket) -> int:
    status = 0
    try:
        await Child(line, handed).run()
    except* BadSettings as errors:
        sys.stderr.writelines(f"antiphon serve: {error}\n" for error in errors.exceptions)
        status = BAD_SETTINGS
    except* LineBroken:
        status = 1
    return status


def main(argv: Sequence[str]) -> int:
    number, channel, handed = map(int, argv)
    bind_contextvars(process=number)
    ends = [socket.socket(fileno=descriptor) for descriptor in (channel, handed)]
    for end in ends:
        end.setblocking(False)
    return uvloop.run(_serve(*ends))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
