"""Registries by URL: which implementation a deployment's setting names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from antiphon_core.errors import BadSettings
from antiphon_core.registry.base import Announcer, Fleet, WorkerDescription
from antiphon_core.registry.static import StaticFleet

_STATIC = "static://"


class Unannounced:
    """Announces nowhere: whoever uses the worker was told its address."""

    async def run(self, address: str, describe: Callable[[], WorkerDescription]) -> None:
        await asyncio.get_running_loop().create_future()


def announcer_for(url: str) -> Announcer:
    _check(url)
    return Unannounced()


def fleet_for(url: str) -> Fleet:
    _check(url)
    addresses = [address.strip() for address in url.removeprefix(_STATIC).split(",") if address.strip()]
    if not addresses:
        raise BadSettings(
            f"registry {url!r} names no worker; write {_STATIC}HOST:PORT, several with commas between",
            subject="registry",
        )
    return StaticFleet(addresses)


def _check(url: str) -> None:
    if not url.startswith(_STATIC):
        raise BadSettings(
            f"there is no registry like {url!r}; it is {_STATIC}HOST:PORT,...", subject="registry", allowed=[_STATIC]
        )
