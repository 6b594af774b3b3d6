"""What the processes of a house keep together: in the memory of the one that started them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from antiphon_orchestrator.keeping.base import Keep, KeepGone
from antiphon_orchestrator.processes.channel import Channel, LineBroken

_LIMIT_S = 2.0


class RemoteKeep:
    """A `Keep` at the other end of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def put(self, key: str, holder: str, text: str, ttl_s: float) -> bool:
        return bool(await self._ask("put", key=key, holder=holder, text=text, ttl_s=ttl_s))

    async def take(self, key: str, holder: str) -> str | None:
        text: str | None = await self._ask("take", key=key, holder=holder)
        return text

    async def forget(self, key: str) -> None:
        await self._ask("forget", key=key)

    async def aclose(self) -> None:
        """The channel is not ours."""

    async def _ask(self, method: str, **details: Any) -> Any:
        try:
            return await self._channel.ask("keep", _LIMIT_S, method=method, details=details)
        except (LineBroken, TimeoutError) as error:
            raise KeepGone("the process that keeps things for all does not answer", retry_after_ms=1_000) from error


async def serve_keep(keep: Keep, method: str, details: dict[str, Any]) -> Any:
    """Answers what a RemoteKeep asked."""
    methods: Mapping[str, Callable[..., Awaitable[Any]]] = {"put": keep.put, "take": keep.take, "forget": keep.forget}
    return await methods[method](**details)
