"""Registries by URL: which implementation a deployment's setting names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from antiphon_core.errors import BadSettings
from antiphon_core.registry.base import Announcer, Fleet, WorkerDescription
from antiphon_core.registry.describing import describing
from antiphon_core.registry.redis_url import FORMS, RedisUrl, is_redis, parse_redis_url, without_secrets
from antiphon_core.registry.static import StaticFleet
from antiphon_core.wire.dialer import PLAIN, Dialer

_STATIC = "static://"
_ALLOWED = (f"{_STATIC}HOST:PORT,...", *FORMS)


class Unannounced:
    """Announces nowhere: whoever uses the worker was told its address."""

    async def run(self, address: str, describe: Callable[[], WorkerDescription]) -> None:
        await asyncio.get_running_loop().create_future()


def announcer_for(url: str, *, tls: bool = False) -> Announcer:
    """`tls`: whether the worker that is announced speaks it."""
    if is_redis(url):
        redis_url = _redis(url)
        from antiphon_core.registry.redis_announcer import RedisAnnouncer

        return RedisAnnouncer(redis_url, tls=tls)
    _check_static(url)
    return Unannounced()


def fleet_for(url: str, dialer: Dialer = PLAIN) -> Fleet:
    """`dialer` asks workers whose addresses were written down."""
    if is_redis(url):
        redis_url = _redis(url)
        from antiphon_core.registry.redis_fleet import RedisFleet

        return RedisFleet(redis_url)
    _check_static(url)
    addresses = [address.strip() for address in url.removeprefix(_STATIC).split(",") if address.strip()]
    if not addresses:
        raise BadSettings(
            f"registry {url!r} names no worker; write {_STATIC}HOST:PORT, several with commas between",
            subject="registry",
        )
    return StaticFleet(addresses, lambda: describing(dialer), tls=dialer.tls)


def _redis(url: str) -> RedisUrl:
    """Whatever is wrong is told now: later on it would look like an outage."""
    parsed = parse_redis_url(url)
    for path in (parsed.tls or {}).values():
        if not Path(path).is_file():
            raise BadSettings(f"registry {without_secrets(url)!r}: there is no file {path}", subject="registry")
    return parsed


def _check_static(url: str) -> None:
    if not url.startswith(_STATIC):
        raise BadSettings(
            f"there is no registry like {without_secrets(url)!r}; it is one of {', '.join(_ALLOWED)}",
            subject="registry",
            allowed=_ALLOWED,
        )
