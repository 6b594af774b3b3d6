"""Conditions and faults as HTTP answers, in the shape OpenAI's clients read."""

from __future__ import annotations

import json
from typing import TypeVar

from antiphon_core import errors
from antiphon_core.errors import AntiphonError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from antiphon_orchestrator.api.realtime.faults import Fault, fault_of
from antiphon_orchestrator.keeping.base import KeepGone
from antiphon_orchestrator.session.refusal import Refusal

_T = TypeVar("_T", bound=BaseModel)

_STATUS: dict[type[AntiphonError], tuple[int, str]] = {
    errors.BadText: (400, "invalid_value"),
    errors.BadFormat: (400, "invalid_value"),
    errors.BadRequest: (400, "invalid_value"),
    errors.UnknownModel: (404, "model_not_found"),
    errors.UnknownVoice: (400, "invalid_value"),
    errors.Unsupported: (400, "unsupported"),
    errors.LicenceRefused: (403, "licence_refused"),
    errors.CannotLoad: (503, "cannot_load"),
    errors.Full: (429, "rate_limit_exceeded"),
    errors.Draining: (503, "server_draining"),
    errors.WorkerGone: (503, "no_speech_worker"),
    KeepGone: (503, "keep_not_reached"),
}


class HttpFault(Fault):
    """A fault that knows its HTTP status."""

    def __init__(self, status: int, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message, code=code, param=param)
        self.kind = "invalid_request_error" if status < 500 else "server_error"
        self.status = status


def fault_of_condition(error: AntiphonError) -> HttpFault:
    """The condition as a client is told it."""
    status, code = _STATUS.get(type(error), (500, "server_error"))
    return HttpFault(status, error.message, code=code)


def response_of(error: AntiphonError | Refusal) -> Response:
    """The HTTP answer that tells it."""
    refusal = fault_of_condition(error) if isinstance(error, AntiphonError) else error
    status = refusal.status if isinstance(refusal, HttpFault) else 400
    body = refusal.as_error()
    del body["event_id"]
    # Whoever sends too much would otherwise go on to the end of it.
    # Whoever is sent away shall not come back to the same server over the same connection.
    headers = {"Connection": "close"} if status == 413 or isinstance(error, errors.Draining) else {}
    if isinstance(error, AntiphonError) and error.retry_after_ms:
        headers["Retry-After"] = str(-(-error.retry_after_ms // 1000))
    return JSONResponse({"error": body}, status_code=status, headers=headers)


async def answer_condition(_: Request, error: Exception) -> Response:
    """Starlette's handler for both kinds."""
    assert isinstance(error, AntiphonError | Refusal)
    return response_of(error)


async def answer_status(request: Request, error: Exception) -> Response:
    """Starlette's handler for what has no route, or no such method."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    faults = {
        404: HttpFault(404, f"There is nothing at {path}; / says what there is.", code="not_found"),
        405: HttpFault(405, f"{path} does not answer to {request.method}.", code="method_not_allowed"),
    }
    fault = faults.get(error.status_code) or HttpFault(error.status_code, error.detail, code="invalid_request")
    response = response_of(fault)
    response.headers.update(error.headers or {})
    return response


async def answer_bug(_: Request, __: Exception) -> Response:
    """Starlette's handler for everything else, which it raises once more for the log."""
    return response_of(HttpFault(500, "The server failed; its log says how.", code="server_error"))


async def bounded_body(request: Request, max_bytes: int) -> bytes:
    """The request's body, which is refused while it comes in once it is too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise HttpFault(413, f"The body is larger than {max_bytes} bytes.", code="request_too_large")
    return bytes(body)


async def json_body(request: Request, kind: type[_T], max_bytes: int) -> _T:
    """The request's body as `kind`, or the fault that names what is wrong with it."""
    try:
        given = json.loads(await bounded_body(request, max_bytes))
    except (ValueError, RecursionError) as error:
        raise HttpFault(400, f"The body is not valid JSON: {error}.", code="invalid_json") from error
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise fault_of(error, given) from error
