"""The place of one of several processes: starts one, hands it connections, and says what came of it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from antiphon_orchestrator.processes import handover
from antiphon_orchestrator.processes.balance import Burden
from antiphon_orchestrator.processes.channel import Channel, LineBroken

_ANSWER_S = 2.0


class Parent(Protocol):
    """What a place is one of."""

    @property
    def ending(self) -> bool:
        """Whether no process is to go on."""
        ...

    def changed(self) -> None:
        """A process is another than it was."""
        ...

    def give(self, connection: socket.socket) -> None:
        """Some process shall serve this connection."""
        ...

    async def answer(self, place: Place, what: str, details: dict[str, Any]) -> Any:
        """Answers what a process asks of all."""
        ...


class Place:
    """The place of one process, in which another one follows when it ends."""

    def __init__(self, number: int, size: int, flags: Mapping[str, Any], parent: Parent) -> None:
        self.number = number
        self.burden = Burden()
        self.has_served = False
        """Whether any process ever took connections here."""
        self.metrics = ""
        self._order = {"flags": dict(flags), "number": number, "size": size}
        self._parent = parent
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._line: socket.socket | None = None
        self._given: deque[socket.socket] = deque()
        self._taken = 0

    @property
    def pid(self) -> int:
        """0 while there is no process."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return self._line is not None and self.burden.serves

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def give(self, connection: socket.socket) -> bool:
        """False if it takes nothing."""
        if self._line is None or not handover.give(self._line, connection):
            return False
        self._given.append(connection)
        self.burden.given += 1
        return True

    async def ask(self, what: str, **details: Any) -> Any:
        """None if there is no answer."""
        if self._channel is None or not self.is_up:
            return None
        try:
            return await self._channel.ask(what, _ANSWER_S, **details)
        except (LineBroken, TimeoutError):
            return None

    async def run_once(self) -> int:
        """One process from its start to its end; its status."""
        ours, theirs = socket.socketpair()
        line, handed = socket.socketpair()
        with ours, theirs, line, handed:
            for end in (ours, line):
                end.setblocking(False)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "antiphon_orchestrator.processes.child",
                str(self.number), str(theirs.fileno()), str(handed.fileno()),
                pass_fds=(theirs.fileno(), handed.fileno()), start_new_session=True,
            )  # fmt: skip
            theirs.close()
            handed.close()
            self._line, self._channel = line, Channel(ours, self._answer)
            await self._channel.open()
            talking = asyncio.create_task(self._channel.run())
            try:
                self._channel.tell("serve", **self._order)
                if self._parent.ending:  # since before it could be told
                    self.send(signal.SIGTERM)
                return await self._process.wait()
            finally:
                self._line = None
                # What it said last is heard; what it did not take, another one gets.
                await asyncio.wait({talking}, timeout=_ANSWER_S)
                talking.cancel()
                self._channel = self._process = None
                self.burden, self._taken = Burden(), 0
                while self._given:
                    self._parent.give(self._given.popleft())

    async def _answer(self, what: str, details: dict[str, Any]) -> Any:
        match what:
            case "state":
                self._note(**details)
                self._parent.changed()
            case "last_words":
                self.metrics = details["metrics"]
            case _:
                return await self._parent.answer(self, what, details)
        return None

    def _note(self, connections: int, calls: int, taken: int, ready: bool, leaving: bool) -> None:
        self.has_served = True
        for _ in range(taken - self._taken):
            self._given.popleft().close()
        self._taken = taken
        self.burden = Burden(connections, calls, len(self._given), ready, leaving, serves=True)
