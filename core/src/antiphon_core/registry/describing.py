"""Describing: asks workers over gRPC who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc

from antiphon_core.registry.base import WorkerDescription
from antiphon_core.wire.rpc import CHANNEL_OPTIONS
from antiphon_core.wire.workers import WorkerClient

TIMEOUT_S = 1.0

Describe = Callable[[str], Awaitable[WorkerDescription]]
"""Asks the worker at an address for its description; raises an AntiphonError if it gives none."""


@asynccontextmanager
async def describing() -> AsyncIterator[Describe]:
    """Keeps one channel per address."""
    channels: dict[str, grpc.aio.Channel] = {}

    async def describe(address: str) -> WorkerDescription:
        if address not in channels:
            channels[address] = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        return await WorkerClient(channels[address]).describe(TIMEOUT_S)

    try:
        yield describe
    finally:
        for channel in channels.values():
            await channel.close(None)
