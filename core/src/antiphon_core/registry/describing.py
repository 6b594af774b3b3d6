"""Describing: asks workers over gRPC who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc

from antiphon_core.registry.base import WorkerDescription
from antiphon_core.tls import Pems
from antiphon_core.wire.dialer import PLAIN, Dialer
from antiphon_core.wire.workers import WorkerClient

TIMEOUT_S = 1.0

Describe = Callable[[str], Awaitable[WorkerDescription]]
"""Asks the worker at an address for its description; raises an AntiphonError if it gives none."""


@asynccontextmanager
async def describing(dialer: Dialer = PLAIN) -> AsyncIterator[Describe]:
    """Keeps one channel per address. An address is asked one question at a time."""
    channels: dict[str, tuple[Pems | None, grpc.aio.Channel]] = {}

    async def describe(address: str) -> WorkerDescription:
        shown, channel = channels.get(address, (None, None))
        if channel is None or shown is not dialer.shown:
            if channel is not None:
                await channel.close(None)
            shown, channel = channels[address] = dialer.shown, dialer.dial(address)
        return await WorkerClient(channel).describe(TIMEOUT_S)

    try:
        yield describe
    finally:
        for _, channel in channels.values():
            await channel.close(None)
