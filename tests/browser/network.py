"""A network between a caller and the server: it may lose packets, change the caller's port, and go away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Page, Route

Address = tuple[str, int]
_CANDIDATE = "a=candidate:"
_MEDIA = range(128, 192)
"""The first byte of RTP and RTCP packets (RFC 7983); what is not media is sent again by whoever misses it."""


class _Door(asyncio.DatagramProtocol):
    """One socket of a way. `peer` is whom it talks with: whoever was heard last, if it is not told."""

    transport: asyncio.DatagramTransport

    def __init__(self, way: Way, peer: Address | None) -> None:
        self._way = way
        self.peer = peer
        self.other: _Door | None = None

    def datagram_received(self, data: bytes, address: Address) -> None:
        if self.peer is None or self.peer[0] == address[0]:
            self.peer = address
        if self.other is not None and self._way.passes(data):
            self.other.send(data)

    def send(self, data: bytes) -> None:
        if self.peer is not None:
            self.transport.sendto(data, self.peer)


@dataclass
class Way:
    """Of one call. `losing`: the share of media packets that get lost, in both directions."""

    server: Address
    losing: float = 0.0
    is_cut: bool = False
    lost: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(7))
    _doors: list[_Door] = field(default_factory=list)

    async def open(self) -> int:
        """The port at which the caller finds the server."""
        self._inner = await self._door(None)
        await self.move()
        return int(self._inner.transport.get_extra_info("sockname")[1])

    async def move(self) -> None:
        """From now on the caller comes from another port; at the old one nobody listens."""
        old = self._inner.other
        outer = await self._door(self.server)
        outer.other, self._inner.other = self._inner, outer
        if old is not None:
            old.transport.close()

    def passes(self, data: bytes) -> bool:
        is_lost = self.is_cut or (data[0] in _MEDIA and self._chance.random() < self.losing)
        self.lost += is_lost
        return not is_lost

    def close(self) -> None:
        for door in self._doors:
            door.transport.close()

    async def _door(self, peer: Address | None) -> _Door:
        loop = asyncio.get_running_loop()
        transport, door = await loop.create_datagram_endpoint(lambda: _Door(self, peer), local_addr=(self.server[0], 0))
        door.transport = transport
        self._doors.append(door)
        return door


@asynccontextmanager
async def between(page: Page, losing: float = 0.0) -> AsyncIterator[list[Way]]:
    """All calls of the page go through ways of their own; the newest is the last of the list."""
    ways: list[Way] = []

    async def lead_around(route: Route) -> None:
        offer = route.request.post_data or ""
        response = await route.fetch(post_data=_without_candidates(offer))
        answer = await response.text()
        if response.status == 201:
            way = Way(_server_of(answer), losing)
            ways.append(way)
            answer = _with_port(answer, await way.open())
        await route.fulfill(response=response, body=answer)

    pattern = "**/v1/realtime/calls?*"
    await page.route(pattern, lead_around)
    try:
        yield ways
    finally:
        for way in ways:
            way.close()


def _lines(sdp: str) -> list[str]:
    return sdp.replace("\r\n", "\n").splitlines()


def _without_candidates(offer: str) -> str:
    """The server shall know no other way to the caller."""
    return "\r\n".join(line for line in _lines(offer) if not line.startswith(_CANDIDATE)) + "\r\n"


def _server_of(answer: str) -> Address:
    first = next(line for line in _lines(answer) if line.startswith(_CANDIDATE))
    host, port = first.split()[4:6]
    return host, int(port)


def _with_port(answer: str, port: int) -> str:
    """The answer with one candidate: the server's first, at another port."""
    lines: list[str] = []
    seen = False
    for line in _lines(answer):
        if not line.startswith(_CANDIDATE):
            lines.append(line)
        elif not seen:
            parts = line.split()
            parts[5] = str(port)
            lines.append(" ".join(parts))
            seen = True
    return "\r\n".join(lines) + "\r\n"
