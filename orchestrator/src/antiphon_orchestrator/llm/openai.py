"""Answers through any endpoint that speaks OpenAI's `POST /chat/completions`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from types import TracebackType
from typing import Self

import httpx
from antiphon_core.errors import BadSettings

from antiphon_orchestrator.llm.completions import Answer, body_of
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.llm.refusals import refusal
from antiphon_orchestrator.llm.sse import MAX_EVENT_BYTES, EventStream, EventTooLong
from antiphon_orchestrator.ports import ChatDelta, ChatRequest

_DONE = "[DONE]"
_TAIL_S = 0.25
"""What may still come when an answer has ended (token counts, the mark of the end) is waited for so long."""
_KEEP_ALIVE_S = 60.0
_ERROR_BYTES = 1 << 16


class OpenAiLlm:
    """One instance serves all sessions; use it as an async context manager, or close it.

    `base_url` ends where the API does, as in `https://api.example.com/v1`. `stall_s` bounds the silence of a
    connection. `extra` is laid over the body of every request; None takes a field out. At most `running` answers
    stream at a time; one that finds no free connection within `connect_s` is refused.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        connect_s: float = 3.0,
        stall_s: float = 20.0,
        running: int = 64,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = _checked(base_url)
        self._url = f"{self._base_url}/chat/completions"
        self._model = model
        self._secret = api_key
        self._connect_s = connect_s
        self._extra = dict(extra or {})
        self._last_used_s = -_KEEP_ALIVE_S
        self._client = httpx.AsyncClient(
            headers={**(headers or {}), **({"Authorization": f"Bearer {api_key}"} if api_key else {})},
            timeout=httpx.Timeout(stall_s, connect=connect_s, pool=connect_s),
            limits=httpx.Limits(max_connections=running, keepalive_expiry=_KEEP_ALIVE_S),
            transport=transport,
        )

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        return self.ask(request)

    async def ask(self, request: ChatRequest, **fields: object) -> AsyncGenerator[ChatDelta, None]:
        """As `chat`, with further fields in the request's body."""
        body = {**body_of(request), "model": request.model or self._model, **self._extra, **fields}
        answer = Answer(self._url)
        with self._naming_failures():
            async with self._client.stream("POST", self._url, json=_without_none(body)) as response:
                await self._require_success(response)
                async with aclosing(_events(response)) as events:
                    while (data := await self._data(events, answer)) is not None:
                        for delta in answer.take(data):
                            yield delta
        self._last_used_s = time.monotonic()
        yield answer.end()

    async def prepare(self, request: ChatRequest) -> None:
        """Opens a connection where none is kept: names are looked up and keys exchanged before somebody waits."""
        if time.monotonic() - self._last_used_s < _KEEP_ALIVE_S:
            return
        self._last_used_s = time.monotonic()
        with suppress(httpx.HTTPError):
            await self._client.get(f"{self._base_url}/models", timeout=self._connect_s)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _data(self, events: AsyncGenerator[str, None], answer: Answer) -> str | None:
        """The next chunk, or None at the end; a server silent after the reason to end has said all."""
        data = await _next(events, _TAIL_S if answer.finish_reason else None)
        if data is None and not answer.finish_reason:
            raise self._failure(Kind.BROKE_OFF, "ended the stream before its answer ended")
        if data != _DONE:
            return data
        # A connection can only be used again once the stream on it has been read to its end.
        await _next(events, _TAIL_S)
        return None

    async def _require_success(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.OK:
            return
        body = await _head(response, _ERROR_BYTES)
        raise refusal(self._url, response.status_code, response.headers, body, self._secret)

    @contextmanager
    def _naming_failures(self) -> Iterator[None]:
        try:
            yield
        except httpx.PoolTimeout as error:
            raise self._failure(Kind.RATE_LIMITED, "already serves as many answers as are allowed at a time") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol) as error:
            reason = str(error) or f"no connection within {self._connect_s:g} s"
            raise self._failure(
                Kind.UNREACHABLE, f"cannot be reached: {reason}; check its address and that it runs"
            ) from error
        except httpx.TimeoutException as error:
            raise self._failure(Kind.STALLED, f"sent nothing for {self._client.timeout.read:g} s") from error
        except httpx.HTTPError as error:
            raise self._failure(Kind.BROKE_OFF, f"broke the connection: {error or type(error).__name__}") from error
        except EventTooLong as error:
            raise self._failure(Kind.BROKE_OFF, f"sent no event stream: {error}") from error

    def _failure(self, kind: Kind, what: str) -> LlmFailed:
        return LlmFailed(kind, f"{self._url} {what}", subject=self._url)


async def _events(response: httpx.Response) -> AsyncGenerator[str, None]:
    """The data of each event; of a server that answers with a plain object, all there is."""
    if "json" in response.headers.get("content-type", ""):
        yield (await _head(response, MAX_EVENT_BYTES)).decode("utf-8", "replace")
        yield _DONE
        return
    stream = EventStream()
    async for piece in response.aiter_bytes():
        for event in stream.feed(piece):
            yield event
    for event in stream.end():
        yield event


async def _head(response: httpx.Response, limit: int) -> bytes:
    """The body, or as much of it as is worth reading."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) >= limit:
            break
    return body[:limit]


async def _next(events: AsyncGenerator[str, None], limit_s: float | None) -> str | None:
    """None if there is no more, or if it takes too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            return await anext(events, None)
    return None


def _checked(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise BadSettings(f"the language model's base URL {base_url!r} is none: {error}", subject=base_url) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadSettings(
            f"the language model's base URL is {base_url!r}, but must be like https://api.example.com/v1",
            subject=base_url,
            allowed=("http", "https"),
        )
    return base_url.rstrip("/")


def _without_none(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
