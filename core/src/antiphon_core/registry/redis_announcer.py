"""Announces a worker in Redis: writes what it is under a time to live, and beats with how busy it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from antiphon_core.registry.base import WorkerDescription, WorkerRecord
from antiphon_core.registry.documents import Beat, revision_of, write_beat, write_document
from antiphon_core.registry.redis_client import FAILURES, TIMEOUT_S, Connection, Keys, connected
from antiphon_core.registry.redis_url import RedisUrl
from antiphon_core.registry.roll import TTL_S
from antiphon_core.tasks import run_for_ever

log = structlog.get_logger(__name__)

BEAT_S = 1.0
LOOK_S = 0.1
"""How soon a change is told; without one a beat comes every BEAT_S."""

# One command, so that no reader sees half of it; and all of it each time, so that an emptied Redis is whole again.
_BEAT = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[4])
redis.call('SADD', KEYS[3], ARGV[5])
redis.call('PUBLISH', ARGV[6], ARGV[3])
"""
_WITHDRAW = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
"""


class RedisAnnouncer:
    """Implements `base.Announcer`."""

    def __init__(self, url: RedisUrl, *, tls: bool = False) -> None:
        self._url = url
        self._tls = tls
        self._keys = Keys(url.namespace)
        self._silent = False

    async def run(self, address: str, describe: Callable[[], WorkerDescription]) -> None:
        worker_id = describe().incarnation
        self._check_reachable(address)
        async with connected(self._url) as connection:
            try:
                await run_for_ever(self._beat_on(connection, worker_id, address, describe))
            finally:
                await self._withdraw(connection, worker_id)

    async def _beat_on(
        self, connection: Connection, worker_id: str, address: str, describe: Callable[[], WorkerDescription]
    ) -> None:
        loop = asyncio.get_running_loop()
        number, told, told_s, document = 0, None, -BEAT_S, ""
        while True:
            now = describe()
            seen = replace(now, load=replace(now.load, rss_bytes=0))
            if seen != told or loop.time() - told_s >= BEAT_S:
                number += 1
                former, document = document, write_document(WorkerRecord(address, now, self._tls))
                beat = Beat(worker_id, number, revision_of(document), now.load)
                told_s = loop.time()
                done = await self._send(connection, beat, document, is_new=document != former)
                told, document = (seen, document) if done else (None, "")
            await asyncio.sleep(LOOK_S if told is not None else BEAT_S / 2)

    async def _send(self, connection: Connection, beat: Beat, document: str, *, is_new: bool) -> bool:
        text = write_beat(beat)
        message = write_beat(beat, document) if is_new else text
        try:
            await connection.commands.eval(
                _BEAT, 3, *self._of(beat.worker_id),
                document, text, message, round(TTL_S * 1000), beat.worker_id, self._keys.channel,
            )  # fmt: skip
        except FAILURES as error:
            if not self._silent:
                log.warning("registry cannot be reached; the worker serves whoever knows it", reason=str(error))
            self._silent = True
            return False
        if self._silent or beat.number == 1:
            log.info("announced", number=beat.number, namespace=self._url.namespace)
        self._silent = False
        return True

    async def _withdraw(self, connection: Connection, worker_id: str) -> None:
        message = write_beat(Beat(worker_id, gone=True))
        try:
            withdrawn = connection.commands.eval(
                _WITHDRAW, 3, *self._of(worker_id), worker_id, self._keys.channel, message
            )
            await asyncio.wait_for(withdrawn, TIMEOUT_S)
        except FAILURES as error:
            log.info("registry was not told of the end; it will notice", reason=repr(error))

    def _check_reachable(self, address: str) -> None:
        """Others read the address elsewhere, where loopback means themselves."""
        if _is_loopback(address.rpartition(":")[0]) and not all(_is_loopback(host) for host, _ in self._url.hosts):
            log.warning("only this machine reaches the announced address; give --advertise", address=address)

    def _of(self, worker_id: str) -> tuple[str, str, str]:
        return self._keys.document(worker_id), self._keys.beat(worker_id), self._keys.index


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "[::1]") or host.startswith("127.")
