"""A client's side of one utterance: the house's words in and out, conditions instead of statuses."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, cast

import grpc

from antiphon_core.audio import PcmFormat
from antiphon_core.errors import WorkerGone
from antiphon_core.spans import Headers
from antiphon_core.utterance import Started, SynthesisEvent, UtteranceMessage
from antiphon_core.wire.failures import failure_from_call
from antiphon_core.wire.rpc import async_stub
from antiphon_core.wire.utterances import events_from_wire, request_to_wire

if TYPE_CHECKING:
    from antiphon_proto.v1.tts_pb2 import SynthesizeResponse


class UtteranceCall:
    """One Synthesize call. Whoever opens it cancels it in the end; cancelling a finished one does nothing."""

    def __init__(self, channel: grpc.aio.Channel, headers: Headers = ()) -> None:
        self._call = async_stub(channel).Synthesize(metadata=headers)
        self._format = PcmFormat()
        self._received: deque[SynthesisEvent] = deque()

    async def send(self, message: UtteranceMessage) -> None:
        try:
            await self._call.write(request_to_wire(message))
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error
        except grpc.aio.UsageError as error:  # the call has ended; why, is what reading it tells
            raise await self._why_ended() from error

    async def end(self) -> None:
        """Nothing more will be sent."""
        await self._call.done_writing()

    async def receive(self) -> SynthesisEvent | None:
        """The next event, None after the last one."""
        while not self._received:
            try:
                message = await self._call.read()
            except grpc.aio.AioRpcError as error:
                raise failure_from_call(error) from error
            if message is grpc.aio.EOF:
                return None
            self._received.extend(events_from_wire(cast("SynthesizeResponse", message), self._format))
        event = self._received.popleft()
        if isinstance(event, Started):
            self._format = event.format
        return event

    def cancel(self) -> None:
        self._call.cancel()

    async def _why_ended(self) -> Exception:
        try:
            while await self.receive() is not None:
                pass
        except Exception as error:
            return error
        return WorkerGone("the worker ended the utterance before all of it was sent")
