"""What an endpoint's HTTP status means for whoever asked. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from antiphon_orchestrator.llm.completions import reason_of
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.retry_after import retry_after_ms


def refusal(url: str, status: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> LlmFailed:
    """The condition behind an answer that is none. `secret` is kept out of its message."""
    kind, advice = _meaning(status)
    reason = _reason(body)
    if secret:
        reason = reason.replace(secret, "***")
    message = f"{url} answered {status}" + (f": {reason}" if reason else "") + (f"; {advice}" if advice else "")
    return LlmFailed(kind, message, subject=url, retry_after_ms=retry_after_ms(headers))


def _meaning(status: int) -> tuple[Kind, str]:
    match status:
        case 401 | 403:
            return Kind.REFUSED, "check the language model's API key"
        case 404:
            return Kind.BAD_REQUEST, "check the language model's base URL and name"
        case 408 | 504:
            return Kind.STALLED, ""
        case 429:
            return Kind.RATE_LIMITED, ""
        case _ if status < 400:
            return Kind.BAD_REQUEST, "check the language model's base URL"
        case _ if status < 500:
            return Kind.BAD_REQUEST, ""
        case _:
            return Kind.FAILED, ""


def _reason(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        return reason_of(json.loads(text))
    except ValueError:
        return reason_of(text)
