"""Serves with several processes on one port: accepts connections, gives each to the process that carries least, puts
another in the place of one that died, and answers for all of them together."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from antiphon_core.live import LiveSettings
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.processes.balance import by_preference
from antiphon_orchestrator.processes.place import Place
from antiphon_orchestrator.processes.remote_keep import serve_keep
from antiphon_orchestrator.processes.sums import counted, summed
from antiphon_orchestrator.settings import ServerSettings

log = structlog.get_logger(__name__)

_LONG_S = 30.0
"""A process that lived for so long is followed by another one at once."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_NOTE_S = 5.0
"""How often metrics are noted, in case a process dies."""
_BREATH_S = 0.2
_GRACE_S = 15.0
_BAD_SETTINGS = 2


class Parent:
    """`flags` are those of the command line. `on_ready` is called once all processes can hold conversations."""

    def __init__(
        self,
        live: LiveSettings[ServerSettings],
        flags: Mapping[str, Any],
        bound: socket.socket,
        on_ready: Callable[[], None],
    ) -> None:
        size = live.now.processes
        self._live = live
        self._bound = bound
        self._on_ready = on_ready
        self._told_ready = False
        self._places = [Place(number, size, flags, self) for number in range(1, size + 1)]
        self._keep = InMemory()
        self._homeless: deque[socket.socket] = deque()
        self._someone = asyncio.Event()
        self._ending = asyncio.Event()
        self._status = 0
        self._gone = ""
        self._own = CollectorRegistry()
        Gauge("antiphon_processes", "Processes that serve", registry=self._own).set_function(
            lambda: sum(place.is_up for place in self._places)
        )
        self._replaced = Counter(
            "antiphon_processes_replaced", "Processes that ended and were followed by another one", registry=self._own
        )

    async def run(self) -> int:
        """Until a signal ends it and all processes have ended; the exit status."""
        self._bound.setblocking(False)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.end)
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(work) for work in (self._accept(), self._note(), self._insist())]
            await asyncio.wait([tasks.create_task(self._fill(place)) for place in self._places])
            for task in beside:
                task.cancel()
        for connection in self._homeless:
            connection.close()
        return self._status

    def end(self) -> None:
        """Every process drains; called again, none waits any more."""
        self._ending.set()
        for place in self._places:
            place.send(signal.SIGTERM)

    @property
    def ending(self) -> bool:
        """See `place.Parent`."""
        return self._ending.is_set()

    # --------------------------------------------------------------------- processes

    async def _fill(self, place: Place) -> None:
        """Starts a process, and another one when it ends."""
        loop, pause_s = asyncio.get_running_loop(), _FIRST_PAUSE_S
        while not self._ending.is_set():
            began_s = loop.time()
            try:
                status = await place.run_once()
            except OSError as error:
                status = -1
                log.error("a process cannot be started", number=place.number, reason=str(error))
            self._remember(place)
            if self._ending.is_set():
                return
            if status == _BAD_SETTINGS and not place.has_served:
                self._status = status
                self.end()
                return
            self._replaced.inc()
            pause_s = _FIRST_PAUSE_S if loop.time() - began_s > _LONG_S else min(pause_s * 2, _LONGEST_PAUSE_S)
            log.warning("a process ended; another one follows", number=place.number, status=status, in_s=pause_s)
            await self._pause(pause_s)

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._ending.wait()

    async def _insist(self) -> None:
        """A process that does not end in time is ended."""
        await self._ending.wait()
        self._live.refresh()
        await asyncio.sleep(self._live.now.drain_s + _GRACE_S)
        for place in self._places:
            place.send(signal.SIGKILL)

    def _remember(self, place: Place) -> None:
        self._gone = summed([self._gone, counted(place.metrics)])
        place.metrics = ""

    # ------------------------------------------------------------------- connections

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._someone.wait()
            try:
                connection, _ = await loop.sock_accept(self._bound)
            except OSError as error:
                log.error("cannot accept a connection", reason=str(error))
                await asyncio.sleep(_BREATH_S)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.give(connection)

    def give(self, connection: socket.socket) -> None:
        """To the process that carries least; one that takes nothing is passed over."""
        up = [place for place in self._places if place.is_up]
        if not any(up[best].give(connection) for best in by_preference([place.burden for place in up])):
            self._homeless.append(connection)

    def changed(self) -> None:
        """See `place.Parent`."""
        self._someone.set() if any(place.is_up for place in self._places) else self._someone.clear()
        for _ in range(len(self._homeless)):
            self.give(self._homeless.popleft())
        if not self._told_ready and all(place.burden.ready for place in self._places):
            self._told_ready = True
            self._on_ready()

    # ------------------------------------------------------------------ for all of them

    async def answer(self, place: Place, what: str, details: dict[str, Any]) -> Any:
        """See `place.Parent`."""
        match what:
            case "keep":
                return await serve_keep(self._keep, **details)
            case "metrics":
                return await self.metrics()
            case "reports":
                reports = await self._ask_all("report")
                return [report for report in reports if report is not None]
            case "hang_up":
                others = (other.ask(what, **details) for other in self._places if other is not place)
                return any(await asyncio.gather(*others))
        raise ValueError(f"no process is asked for {what!r}")

    async def metrics(self) -> str:
        """Those of all; of one that does not answer, the last that are known."""
        await self._ask_for_metrics()
        own = generate_latest(self._own).decode()
        return summed([own, self._gone, *(place.metrics for place in self._places)])

    async def _ask_all(self, what: str) -> list[Any]:
        return list(await asyncio.gather(*(place.ask(what) for place in self._places)))

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_S)
            await self._ask_for_metrics()

    async def _ask_for_metrics(self) -> None:
        for place, text in zip(self._places, await self._ask_all("metrics"), strict=True):
            place.metrics = place.metrics if text is None else text
