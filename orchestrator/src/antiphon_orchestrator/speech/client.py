"""Speaks utterances through workers over gRPC: one channel per worker, one call per utterance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc
from antiphon_core.errors import WorkerGone
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.spans import Headers
from antiphon_core.tls import Pems
from antiphon_core.utterance import Finished, Start, Started, SynthesisEvent, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.dialer import PLAIN, Dialer
from antiphon_core.wire.workers import WorkerClient

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may give nothing: before Started, before the first audio, and from then on."""

    started_s: float = 10.0
    first_s: float = 10.0
    between_s: float = 3.0


@dataclass(slots=True, eq=False)
class _Line:
    """A channel to one worker."""

    incarnation: str
    shown: Pems | None
    channel: grpc.aio.Channel
    calls: int = 0


class SpeechClient:
    """Holds the channels. A worker that was restarted at its address gets a new one: the old one may wait long.
    After a change of certificates all get one. What runs on the old one runs on: closing it would cancel whoever
    listens, and it may well reach the new worker."""

    def __init__(self, dialer: Dialer = PLAIN) -> None:
        self._dialer = dialer
        self._lines: dict[str, _Line] = {}
        self._over: set[_Line] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def channels(self) -> int:
        """How many are open."""
        return len(self._lines)

    async def load(self, record: WorkerRecord, model_id: str) -> None:
        """Returns when the worker has the model in memory."""
        with self._calling(record) as channel:
            async for _ in WorkerClient(channel).load(model_id):
                pass

    async def speak(
        self, record: WorkerRecord, start: Start, text: str, patience: Patience, headers: Headers = ()
    ) -> AsyncGenerator[SynthesisEvent, None]:
        """Started, then frames and marks, then Finished; or the condition that ended it."""
        finished = False
        limit_s = patience.started_s
        with self._calling(record) as channel:
            call = UtteranceCall(channel, headers)
            try:
                await call.send(start)
                await call.send(Text(text, last=True))
                await call.end()
                while (event := await _within(limit_s, call.receive())) is not None:
                    finished = isinstance(event, Finished)
                    limit_s = patience.first_s if isinstance(event, Started) else patience.between_s
                    yield event
                if not finished:
                    raise WorkerGone(
                        f"worker {record.address} ended the utterance without Finished", subject=record.address
                    )
            except TimeoutError as error:
                raise WorkerGone(
                    f"worker {record.address} gave nothing for {limit_s:g} s", subject=record.address
                ) from error
            finally:
                call.cancel()

    def keep(self, addresses: Collection[str]) -> None:
        """Closes the channels to all others."""
        for address in [address for address in self._lines if address not in addresses]:
            self._retire(self._lines.pop(address))

    async def close(self) -> None:
        """Ends every channel."""
        self.keep(())
        for line in tuple(self._over):
            self._close(line)
        await asyncio.gather(*self._closing)

    @contextmanager
    def _calling(self, record: WorkerRecord) -> Iterator[grpc.aio.Channel]:
        line = self._line(record)
        line.calls += 1
        try:
            yield line.channel
        finally:
            line.calls -= 1
            if line in self._over and not line.calls:
                self._close(line)

    def _line(self, record: WorkerRecord) -> _Line:
        incarnation, shown = record.description.incarnation, self._dialer.shown
        line = self._lines.get(record.address)
        if line is not None and line.incarnation == incarnation and line.shown is shown:
            return line
        if line is not None:
            self._retire(line)
        line = self._lines[record.address] = _Line(incarnation, shown, self._dialer.dial(record.address))
        return line

    def _retire(self, line: _Line) -> None:
        """Closes a channel once nothing runs on it."""
        if line.calls:
            self._over.add(line)
        else:
            self._close(line)

    def _close(self, line: _Line) -> None:
        self._over.discard(line)
        closing = asyncio.ensure_future(line.channel.close(grace=None))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _within(limit_s: float, awaitable: Awaitable[_T]) -> _T:
    async with asyncio.timeout(limit_s):
        return await awaitable
