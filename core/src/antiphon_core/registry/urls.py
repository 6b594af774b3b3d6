"""Registries by URL: which implementation a deployment's setting names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from antiphon_core.errors import BadSettings
from antiphon_core.registry.base import Announcer, WorkerDescription

_SCHEMES = ("static",)


class Unannounced:
    """Announces nowhere: whoever uses the worker was told its address."""

    async def run(self, address: str, describe: Callable[[], WorkerDescription]) -> None:
        await asyncio.get_running_loop().create_future()


def announcer_for(url: str) -> Announcer:
    _scheme(url)
    return Unannounced()


def _scheme(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme not in _SCHEMES:
        allowed = [f"{name}://" for name in _SCHEMES]
        raise BadSettings(
            f"registry is {url!r}; there is no registry of that kind, it begins with {' or '.join(allowed)}",
            subject="registry",
            allowed=allowed,
        )
    return scheme
