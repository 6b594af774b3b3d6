"""A client's side of everything but speaking: describing, loading, unloading, reloading."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
from antiphon_proto.v1 import tts_pb2 as pb

from antiphon_core.registry.base import LoadProgress, ModelStatus, Reloaded, WorkerDescription
from antiphon_core.wire.descriptions import description_from_wire, model_from_wire, progress_from_wire
from antiphon_core.wire.failures import failure_from_call
from antiphon_core.wire.rpc import async_stub


class WorkerClient:
    """Asks one worker. Raises the conditions of `antiphon_core.errors`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = async_stub(channel)

    async def describe(self, timeout_s: float | None = None) -> WorkerDescription:
        try:
            return description_from_wire(await self._stub.Describe(pb.DescribeRequest(), timeout=timeout_s))
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error

    async def models(self) -> tuple[ModelStatus, ...]:
        try:
            response = await self._stub.ListModels(pb.ListModelsRequest())
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error
        return tuple(model_from_wire(model) for model in response.models)

    async def load(self, model_id: str) -> AsyncIterator[LoadProgress]:
        """Makes a model resident; the last stage is READY."""
        try:
            async for response in self._stub.LoadModel(pb.LoadModelRequest(model=model_id)):
                yield progress_from_wire(response)
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error

    async def unload(self, model_id: str) -> bool:
        """Whether the model was in memory. Returns when its utterances have ended and it is gone."""
        try:
            return (await self._stub.UnloadModel(pb.UnloadModelRequest(model=model_id))).unloaded
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error

    async def reload(self) -> Reloaded:
        """Has the worker read its models from disk again."""
        try:
            response = await self._stub.Reload(pb.ReloadRequest())
        except grpc.aio.AioRpcError as error:
            raise failure_from_call(error) from error
        return Reloaded(tuple(response.added), tuple(response.removed), tuple(response.swapped))
