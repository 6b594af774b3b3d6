"""Opens a call's UDP ports where the settings allow, and announces them under the addresses that the settings name.

aioice takes any free port and knows only this machine's own addresses: its gathering of them is replaced.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol
from antiphon_core.errors import Full

from antiphon_orchestrator.api.realtime.webrtc_doors import Doors

Gather = Callable[[int, list[str], int], Awaitable[list[Candidate]]]


def open_through(connection: Connection, doors: Doors) -> None:
    """Has to be called before the connection gathers its candidates."""
    relayed: Gather = connection.get_component_candidates

    async def gather(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        if not doors.ports and not doors.addresses and addresses:
            return await relayed(component, addresses, timeout)
        own = [await _open(connection, component, address, doors.ports) for address in addresses or ["127.0.0.1"]]
        announced = [_under(candidate, address) for candidate in own for address in doors.addresses]
        return (announced or own) + list(await relayed(component, [], timeout))

    connection.get_component_candidates = gather  # type: ignore[method-assign]


def _under(candidate: Candidate, address: str) -> Candidate:
    """The same port, as others reach it."""
    announced = copy.copy(candidate)
    announced.host = address
    announced.foundation = candidate_foundation("host", "udp", address)
    return announced


async def _open(connection: Connection, component: int, address: str, ports: range) -> Candidate:
    protocol, port = await _bind(connection, address, ports)
    candidate = Candidate(
        foundation=candidate_foundation("host", "udp", address),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=address,
        port=port,
        type="host",
    )
    protocol.local_candidate = candidate
    connection._protocols.append(protocol)
    return candidate


async def _bind(connection: Connection, address: str, ports: range) -> tuple[StunProtocol, int]:
    """A free port, found by chance: neighbours that were just freed may still get packets of their last call."""
    loop = asyncio.get_running_loop()
    for port in random.sample(ports, len(ports)) or [0]:
        try:
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: StunProtocol(connection), local_addr=(address, port)
            )
        except OSError:
            continue
        return protocol, int(transport.get_extra_info("sockname")[1])
    taken = f"all UDP ports from {ports[0]} to {ports[-1]} are taken" if ports else "no UDP port is free"
    raise Full(f"{taken} on {address}; try again later, or widen call_ports", retry_after_ms=5_000)
