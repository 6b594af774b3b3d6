"""Speaks utterances through workers over gRPC: one channel per address, one call per utterance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar

import grpc
from antiphon_core.errors import WorkerGone
from antiphon_core.utterance import Finished, Start, SynthesisEvent, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.rpc import CHANNEL_OPTIONS

_T = TypeVar("_T")


class SpeechClient:
    """Holds the channels. Its limits bound every wait: a dead worker must not hold a caller."""

    def __init__(self, *, started_s: float = 10.0, between_s: float = 5.0) -> None:
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._started_s = started_s
        self._between_s = between_s

    def _channel(self, address: str) -> grpc.aio.Channel:
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        return channel

    async def speak(self, address: str, start: Start, text: str) -> AsyncGenerator[SynthesisEvent, None]:
        """Started, then frames and marks, then Finished; or the condition that ended it."""
        call = UtteranceCall(self._channel(address))
        finished = False
        limit_s = self._started_s
        try:
            await call.send(start)
            await call.send(Text(text, last=True))
            await call.end()
            while (event := await _within(limit_s, call.receive())) is not None:
                finished = isinstance(event, Finished)
                limit_s = self._between_s
                yield event
            if not finished:
                raise WorkerGone(f"worker {address} ended the utterance without Finished", subject=address)
        except TimeoutError as error:
            raise WorkerGone(f"worker {address} gave nothing for {limit_s:g} s", subject=address) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """Ends every channel."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close(grace=None)


async def _within(limit_s: float, awaitable: Awaitable[_T]) -> _T:
    async with asyncio.timeout(limit_s):
        return await awaitable
