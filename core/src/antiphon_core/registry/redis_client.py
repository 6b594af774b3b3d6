"""Connections to Redis, whichever way it is found. Every wait is bounded: a Redis that hangs must not hold anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from antiphon_core.registry.redis_url import Kind, RedisUrl

TIMEOUT_S = 1.0
FAILURES = (RedisError, RedisClusterException, OSError, asyncio.TimeoutError)
"""What a call raises while Redis cannot be reached or refuses."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Names in Redis. The braces put all of a namespace into one slot of a cluster."""

    namespace: str

    @property
    def index(self) -> str:
        """A set: the ids of all workers."""
        return f"{{{self.namespace}}}:workers"

    @property
    def channel(self) -> str:
        """Where beats are published."""
        return f"{{{self.namespace}}}:beats"

    def document(self, worker_id: str) -> str:
        return f"{{{self.namespace}}}:worker:{worker_id}"

    def beat(self, worker_id: str) -> str:
        return f"{{{self.namespace}}}:beat:{worker_id}"


class Connection:
    """One client of Redis."""

    def __init__(self, url: RedisUrl) -> None:
        self._options: dict[str, Any] = {
            "username": url.username or None,
            "password": url.password or None,
            "socket_timeout": TIMEOUT_S,
            "socket_connect_timeout": TIMEOUT_S,
            **({"ssl": True, **url.tls} if url.tls is not None else {}),
        }
        self._sentinel: Sentinel | None = None
        self.commands: Any
        if url.kind is Kind.CLUSTER:
            nodes = [ClusterNode(host, port) for host, port in url.hosts]
            self.commands = RedisCluster(startup_nodes=nodes, retry=Retry(NoBackoff(), 1), **self._options)
        elif url.kind is Kind.SENTINEL:
            socket = {name: value for name, value in self._options.items() if name.startswith(("socket", "ssl"))}
            self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
                list(url.hosts), sentinel_kwargs=socket, **self._direct(url)
            )
            self.commands = self._sentinel.master_for(url.service)
        else:
            ((host, port),) = url.hosts
            self.commands = Redis(host=host, port=port, **self._direct(url))

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncIterator[PubSub]:
        """Hears a channel; in a cluster by any node, for they tell each other."""
        client = await self._subscriber()
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(channel)
                yield pubsub
        finally:
            if client is not self.commands:
                await client.aclose()

    async def aclose(self) -> None:
        await self.commands.aclose()
        if self._sentinel is not None:
            for sentinel in self._sentinel.sentinels:
                await sentinel.aclose()

    def _direct(self, url: RedisUrl) -> dict[str, Any]:
        return {"db": url.db, "retry": Retry(NoBackoff(), 0), **self._options}

    async def _subscriber(self) -> Any:
        if not isinstance(self.commands, RedisCluster):
            return self.commands
        await self.commands.initialize()
        node = self.commands.get_random_node()
        return Redis(host=node.host, port=int(node.port), retry=Retry(NoBackoff(), 0), **self._options)


@asynccontextmanager
async def connected(url: RedisUrl) -> AsyncIterator[Connection]:
    """Connects with the first command, and again whenever that is needed."""
    connection = Connection(url)
    try:
        yield connection
    finally:
        await connection.aclose()
