"""Errors and gRPC statuses: each condition is mapped once, and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import grpc
from antiphon_proto.v1 import tts_pb2 as pb
from google.protobuf.message import DecodeError

from antiphon_core import errors
from antiphon_core.errors import AntiphonError, EngineFailed, Untrusted, WorkerGone

DETAILS_TRAILER = "grpc-status-details-bin"

_Code = grpc.StatusCode
_CONDITIONS: tuple[tuple[type[AntiphonError], grpc.StatusCode, pb.ErrorDetail.Condition.ValueType], ...] = (
    (errors.BadText, _Code.INVALID_ARGUMENT, pb.ErrorDetail.CONDITION_BAD_TEXT),
    (errors.BadFormat, _Code.INVALID_ARGUMENT, pb.ErrorDetail.CONDITION_BAD_FORMAT),
    (errors.BadRequest, _Code.INVALID_ARGUMENT, pb.ErrorDetail.CONDITION_BAD_REQUEST),
    (errors.UnknownModel, _Code.NOT_FOUND, pb.ErrorDetail.CONDITION_UNKNOWN_MODEL),
    (errors.UnknownVoice, _Code.NOT_FOUND, pb.ErrorDetail.CONDITION_UNKNOWN_VOICE),
    (errors.Full, _Code.RESOURCE_EXHAUSTED, pb.ErrorDetail.CONDITION_FULL),
    (errors.CannotLoad, _Code.FAILED_PRECONDITION, pb.ErrorDetail.CONDITION_CANNOT_LOAD),
    (errors.LicenceRefused, _Code.FAILED_PRECONDITION, pb.ErrorDetail.CONDITION_LICENCE_REFUSED),
    (errors.Draining, _Code.UNAVAILABLE, pb.ErrorDetail.CONDITION_DRAINING),
    (errors.EngineFailed, _Code.INTERNAL, pb.ErrorDetail.CONDITION_ENGINE_FAILED),
    (errors.EngineStalled, _Code.INTERNAL, pb.ErrorDetail.CONDITION_ENGINE_STALLED),
    (errors.Unsupported, _Code.UNIMPLEMENTED, pb.ErrorDetail.CONDITION_UNSUPPORTED),
)
_TO_WIRE = {kind: (code, condition) for kind, code, condition in _CONDITIONS}
_FROM_WIRE = {condition: kind for kind, _, condition in _CONDITIONS}
# gRPC lets about 8 kB of trailers through. Bytes that are not printable ASCII take three in a message, and all of a
# detail's take four thirds.
_MAX_MESSAGE_BYTES = 2_000
_MAX_SUBJECT_BYTES = 200
_MAX_ALLOWED_BYTES = 2_000


def failure_to_wire(error: AntiphonError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Status code, message and trailing metadata of an error."""
    code, condition = _TO_WIRE.get(type(error), (grpc.StatusCode.INTERNAL, pb.ErrorDetail.CONDITION_UNSPECIFIED))
    message = _as_much_as_fits(error.message, _MAX_MESSAGE_BYTES)
    detail = pb.ErrorDetail(
        condition=condition,
        subject=_as_much_as_fits(error.subject, _MAX_SUBJECT_BYTES),
        allowed=_as_many_as_fit(error.allowed),
        retry_after_ms=error.retry_after_ms,
    )
    status = pb.Status(code=code.value[0], message=message)
    status.details.add().Pack(detail)
    return code, message, ((DETAILS_TRAILER, status.SerializeToString()),)


def failure_from_wire(
    code: grpc.StatusCode, message: str | None, trailers: tuple[tuple[str, str | bytes], ...]
) -> AntiphonError:
    """The error behind a failed call. Without a detail of ours it is the connection's fault, or the engine's."""
    detail = _detail(trailers)
    text = message or code.name
    if detail is not None and detail.condition in _FROM_WIRE:
        return _FROM_WIRE[detail.condition](
            text, subject=detail.subject, allowed=tuple(detail.allowed), retry_after_ms=detail.retry_after_ms
        )
    if code is grpc.StatusCode.UNAVAILABLE and _is_about_trust(text):
        return Untrusted(f"no TLS with the worker: {text}", subject=code.name)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return WorkerGone(f"the worker cannot be reached: {text}", subject=code.name)
    return EngineFailed(f"the worker failed: {text}", subject=code.name)


def failure_from_call(error: grpc.aio.AioRpcError) -> AntiphonError:
    """The same for an error that a call of grpc.aio raised."""
    return failure_from_wire(error.code(), error.details(), tuple(error.trailing_metadata() or ()))


def _is_about_trust(text: str) -> bool:
    """As grpcio words it, in old releases and in new ones."""
    words = text.lower()
    return any(said in words for said in ("handshake failed", "not in peer certificate", "verification check failed"))


def _as_much_as_fits(text: str, max_bytes: int) -> str:
    sizes = accumulate(1 if " " <= character <= "~" else 3 * len(character.encode()) for character in text)
    return text[: sum(size <= max_bytes for size in sizes)]


def _as_many_as_fit(names: Sequence[str]) -> list[str]:
    """Whole names only, each with its two bytes or three around it."""
    sizes = accumulate(len(name.encode()) + 3 for name in names)
    return list(names[: sum(size <= _MAX_ALLOWED_BYTES for size in sizes)])


def _detail(trailers: tuple[tuple[str, str | bytes], ...]) -> pb.ErrorDetail | None:
    for key, value in trailers:
        if key != DETAILS_TRAILER or not isinstance(value, bytes):
            continue
        status, detail = pb.Status(), pb.ErrorDetail()
        try:
            status.ParseFromString(value)
            if status.details and status.details[0].Unpack(detail):
                return detail
        except DecodeError:
            return None
    return None
