"""The fleet as Redis tells it: beats are heard by pub/sub, and read in full now and then as a safety net."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from antiphon_core.registry.base import WorkerRecord
from antiphon_core.registry.documents import BadDocument, Beat, read_beat, read_document
from antiphon_core.registry.redis_client import FAILURES, Connection, Keys, connected
from antiphon_core.registry.redis_url import RedisUrl
from antiphon_core.registry.roll import Roll
from antiphon_core.tasks import run_for_ever

log = structlog.get_logger(__name__)

CALL_S = 5.0
"""How often everything is read although every beat was heard."""
LOOK_S = 0.5
_CHUNK = 100
"""So many workers are read at once: between chunks others get their turn."""


class RedisFleet:
    """Implements `base.Fleet`."""

    def __init__(self, url: RedisUrl, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._keys = Keys(url.namespace)
        self._clock = clock
        self._roll = Roll()
        self._subscribers: list[Callable[[], None]] = []
        self._hears = False
        self._call_now = asyncio.Event()
        self._called_s = -CALL_S
        self._absent: set[str] = set()
        self._complained = False

    def workers(self) -> tuple[WorkerRecord, ...]:
        return self._roll.workers()

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._subscribers.append(changed)
        return lambda: self._subscribers.remove(changed)

    @property
    def reachable(self) -> bool:
        return self._roll.sees

    async def run(self) -> None:
        async with connected(self._url) as connection:
            await run_for_ever(self._listen(connection), self._call(connection))

    # --------------------------------------------------------------------- hearing

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                async with connection.subscribed(self._keys.channel) as pubsub:
                    self._hears = True
                    self._call_now.set()
                    while (message := await pubsub.get_message(timeout=CALL_S)) is not None or not self.workers():
                        if message is not None and message["type"] == "message":
                            self._hear(message["data"])
                log.debug("nothing was heard of anybody; listening anew")
            except FAILURES as error:
                self._hears = False
                log.debug("beats cannot be heard", reason=str(error))
                self._call_now.set()
                await asyncio.sleep(LOOK_S)

    def _hear(self, text: bytes) -> None:
        beat = self._read(text)
        if beat is None:
            return
        if self._roll.hear(beat, self._clock()):
            self._tell()
        elif not beat.gone and self._roll.unknown([beat]):
            self._call_now.set()

    # --------------------------------------------------------------------- reading

    async def _call(self, connection: Connection) -> None:
        while True:
            if self._is_due():
                self._call_now.clear()
                await self._call_once(connection)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._call_now.wait(), LOOK_S)

    def _is_due(self) -> bool:
        now_s = self._clock()
        return (
            self._call_now.is_set()
            or not (self._hears and self._roll.sees)
            or now_s - self._called_s >= CALL_S
            or bool(self._roll.silent(now_s))
        )

    async def _call_once(self, connection: Connection) -> None:
        try:
            changed = await self._read_all(connection.commands)
        except FAILURES as error:
            if self._roll.sees or not self._complained:
                self._complained = True
                log.warning("registry cannot be read; the last known workers stay", reason=str(error))
            self._roll.lost_sight()
            return
        if not self._roll.sees:
            log.info("registry is read", workers=len(self._roll.workers()))
        self._called_s = self._clock()
        silent = self._roll.silent(self._called_s)
        names = self._roll.names(silent)
        if self._roll.called(self._called_s):
            log.warning("workers are gone: no sign of life", workers=names)
        if changed or silent:
            self._tell()

    async def _read_all(self, commands: Any) -> bool:
        # Members may come twice, and come and go meanwhile.
        ids = sorted({member.decode() async for member in commands.sscan_iter(self._keys.index, count=_CHUNK)})
        changed = False
        absent: set[str] = set()
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            texts = await commands.mget([self._keys.beat(worker_id) for worker_id in chunk])
            absent.update(worker_id for worker_id, text in zip(chunk, texts, strict=True) if text is None)
            beats = [beat for text in texts if text is not None and (beat := self._read(text)) is not None]
            changed = await self._note(commands, beats) or changed
            await asyncio.sleep(0)
        await self._clean(commands, absent)
        return changed

    async def _note(self, commands: Any, beats: Sequence[Beat]) -> bool:
        documents = await self._documents(commands, self._roll.unknown(beats))
        changed = False
        for beat in beats:
            record = None
            if (text := documents.get(beat.worker_id)) is not None:
                try:
                    record = read_document(text, beat.load)
                except BadDocument as error:
                    self._complain(error)
            changed = self._roll.hear(replace(beat, record=record), self._clock()) or changed
        return changed

    async def _documents(self, commands: Any, ids: Sequence[str]) -> dict[str, bytes | None]:
        if not ids:
            return {}
        return dict(zip(ids, await commands.mget([self._keys.document(worker_id) for worker_id in ids]), strict=True))

    async def _clean(self, commands: Any, absent: set[str]) -> None:
        """Takes ids off the index that have had no beat for two calls: nobody else does, if a worker was killed."""
        dead, self._absent = sorted(absent & self._absent), absent
        if dead:
            try:
                await commands.srem(self._keys.index, *dead)
            except FAILURES as error:  # a reader need not be allowed to write
                log.debug("old ids stay in the registry", reason=str(error))

    def _read(self, text: bytes) -> Beat | None:
        try:
            return read_beat(text)
        except BadDocument as error:
            self._complain(error)
            return None

    def _complain(self, error: BadDocument) -> None:
        log.warning("registry holds what cannot be read", reason=str(error), namespace=self._url.namespace)

    def _tell(self) -> None:
        for changed in tuple(self._subscribers):
            changed()
