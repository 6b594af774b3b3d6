"""What several servers keep together, in a Redis."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from antiphon_core.registry.redis_client import FAILURES, Connection
from antiphon_core.registry.redis_url import parse_redis_url, without_secrets

from antiphon_orchestrator.keeping.base import KeepGone

# One key each, so that both run on a cluster.
_PUT = """
local holder = redis.call('HGET', KEYS[1], 'holder')
if holder and holder ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'text', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
_TAKE = """
local text = redis.call('HGET', KEYS[1], 'text')
if text then redis.call('HSET', KEYS[1], 'holder', ARGV[1]) end
return text
"""


class InRedis:
    """A `Keep`. Each is a hash `NAMESPACE:kept:KEY` with the fields `holder` and `text`, which Redis expires."""

    def __init__(self, url: str) -> None:
        self._url = parse_redis_url(url)
        self._shown = without_secrets(url)
        self._connection: Connection | None = None

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        return bool(await self._call("eval", _PUT, 1, self._name(key), holder, text, max(1, round(ttl_s * 1000))))

    async def take(self, key: str, holder: str) -> str | None:
        text = await self._call("eval", _TAKE, 1, self._name(key), holder)
        return None if text is None else text.decode()

    async def forget(self, key: str) -> None:
        await self._call("delete", self._name(key))

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()

    def _name(self, key: str) -> str:
        return f"{self._url.namespace}:kept:{key}"

    async def _call(self, command: str, *arguments: Any) -> Any:
        # Made with the first call: a cluster's client wants a running loop.
        self._connection = self._connection or Connection(self._url)
        try:
            answer: Awaitable[Any] = getattr(self._connection.commands, command)(*arguments)
            return await answer
        except FAILURES as error:
            raise KeepGone(f"{self._shown} cannot be reached: {error}", retry_after_ms=1_000) from error
