"""A worker's side of the service: the house's words in and out, statuses instead of conditions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import grpc
from antiphon_proto.v1 import tts_pb2 as pb

from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError
from antiphon_core.registry.base import LoadProgress, ModelStatus, Reloaded, WorkerDescription
from antiphon_core.spans import NO_TRACER, Headers, Tracer, current_span
from antiphon_core.utterance import SynthesisEvent, UtteranceMessage
from antiphon_core.wire.descriptions import description_to_wire, model_to_wire, progress_to_wire
from antiphon_core.wire.failures import failure_to_wire
from antiphon_core.wire.rpc import TextToSpeechServicer
from antiphon_core.wire.utterances import event_to_wire, request_from_wire

Context = grpc.aio.ServicerContext[Any, Any]
Send = Callable[[SynthesisEvent | Sequence[Frame]], Awaitable[None]]
"""Sends an event, or frames in a row that are ready together, at most `FRAMES_AT_ONCE`."""


class SpeechService(Protocol):
    """What a worker does, in the house's words. Raises the conditions of `antiphon_core.errors`."""

    async def synthesize(self, messages: AsyncIterator[UtteranceMessage], send: Send) -> None:
        """Speaks one utterance. Cancelled when the client cancels or vanishes."""
        ...

    def models(self) -> tuple[ModelStatus, ...]: ...

    def load_model(self, model_id: str) -> AsyncIterator[LoadProgress]: ...

    async def unload_model(self, model_id: str) -> bool: ...

    async def reload(self) -> Reloaded: ...

    def describe(self) -> WorkerDescription: ...


class SpeechServicer(TextToSpeechServicer):
    """Serves a SpeechService over gRPC."""

    def __init__(self, service: SpeechService, tracer: Tracer = NO_TRACER) -> None:
        self._service = service
        self._tracer = tracer

    # grpc.aio takes generators and coroutines that write; its stubs know generators only. A coroutine ends in one way
    # when it is cancelled, a generator in three.
    async def Synthesize(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.SynthesizeRequest], context: Context
    ) -> None:
        async def send(event: SynthesisEvent | Sequence[Frame]) -> None:
            try:
                await context.write(event_to_wire(event))
            except grpc.aio.InternalError:
                # What a write finds of a client that has left, a moment before the cancellation arrives.
                raise asyncio.CancelledError from None

        async with _answering(context):
            with self._tracer.begin("synthesize", headers=_headers(context)) as span:
                current_span.set(span)  # every call has a task of its own
                await self._service.synthesize(_Messages(request_iterator), send)

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        return pb.ListModelsResponse(models=[model_to_wire(status) for status in self._service.models()])

    async def LoadModel(self, request: pb.LoadModelRequest, context: Context) -> AsyncIterator[pb.LoadModelResponse]:
        async with _answering(context):
            async for progress in self._service.load_model(request.model):
                yield progress_to_wire(progress)

    async def UnloadModel(self, request: pb.UnloadModelRequest, context: Context) -> pb.UnloadModelResponse:
        async with _answering(context):
            return pb.UnloadModelResponse(unloaded=await self._service.unload_model(request.model))

    async def Reload(self, request: pb.ReloadRequest, context: Context) -> pb.ReloadResponse:
        async with _answering(context):
            reloaded = await self._service.reload()
            return pb.ReloadResponse(added=reloaded.added, removed=reloaded.removed, swapped=reloaded.swapped)

    async def Describe(self, request: pb.DescribeRequest, context: Context) -> pb.DescribeResponse:
        return description_to_wire(self._service.describe())


def _headers(context: Context) -> Headers:
    return tuple((name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str))


class _Messages:
    """Requests in the house's words. One that makes no sense raises; unlike in a generator, others may follow it."""

    def __init__(self, requests: AsyncIterator[pb.SynthesizeRequest]) -> None:
        self._requests = requests

    def __aiter__(self) -> _Messages:
        return self

    async def __anext__(self) -> UtteranceMessage:
        return request_from_wire(await self._requests.__anext__())


@asynccontextmanager
async def _answering(context: Context) -> AsyncIterator[None]:
    """Ends the call with the status of the condition raised inside."""
    try:
        yield
    except AntiphonError as error:
        code, message, trailers = failure_to_wire(error)
        await context.abort(code, message, trailers)
