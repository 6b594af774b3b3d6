"""Speaks utterances through workers over gRPC: one channel per worker, one call per utterance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Collection
from dataclasses import dataclass
from typing import TypeVar

import grpc
from antiphon_core.errors import WorkerGone
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.utterance import Finished, Start, Started, SynthesisEvent, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.rpc import CHANNEL_OPTIONS
from antiphon_core.wire.workers import WorkerClient

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may give nothing: before Started, before the first audio, and from then on."""

    started_s: float = 10.0
    first_s: float = 10.0
    between_s: float = 3.0


class SpeechClient:
    """Holds the channels. A worker that was restarted at its address gets a new one: the old one may wait long."""

    def __init__(self) -> None:
        self._channels: dict[str, tuple[str, grpc.aio.Channel]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def channels(self) -> int:
        """How many are open."""
        return len(self._channels)

    def worker(self, record: WorkerRecord) -> WorkerClient:
        """For everything but speaking."""
        return WorkerClient(self._channel(record))

    async def speak(
        self, record: WorkerRecord, start: Start, text: str, patience: Patience
    ) -> AsyncGenerator[SynthesisEvent, None]:
        """Started, then frames and marks, then Finished; or the condition that ended it."""
        call = UtteranceCall(self._channel(record))
        finished = False
        limit_s = patience.started_s
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
        for address in [address for address in self._channels if address not in addresses]:
            self._drop(address)

    async def close(self) -> None:
        """Ends every channel."""
        self.keep(())
        await asyncio.gather(*self._closing)

    def _channel(self, record: WorkerRecord) -> grpc.aio.Channel:
        incarnation = record.description.incarnation
        known, channel = self._channels.get(record.address, ("", None))
        if channel is None or known != incarnation:
            if channel is not None:
                self._drop(record.address)
            channel = grpc.aio.insecure_channel(record.address, options=CHANNEL_OPTIONS)
            self._channels[record.address] = incarnation, channel
        return channel

    def _drop(self, address: str) -> None:
        _, channel = self._channels.pop(address)
        closing = asyncio.ensure_future(channel.close(grace=None))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _within(limit_s: float, awaitable: Awaitable[_T]) -> _T:
    async with asyncio.timeout(limit_s):
        return await awaitable
