"""Why a language model gave no answer, or only a part of it."""

from __future__ import annotations

from enum import Enum

from antiphon_core.errors import AntiphonError


class Kind(Enum):
    """What went wrong, as far as callers act differently on it."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    BAD_REQUEST = "bad_request"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    STALLED = "stalled"
    BROKE_OFF = "broke_off"


_POINTLESS_AGAIN = (Kind.REFUSED, Kind.BAD_REQUEST)


class LlmFailed(AntiphonError):
    """The language model did not answer, or not to the end. `subject` is the endpoint or the model."""

    def __init__(self, kind: Kind, message: str, *, subject: str = "", retry_after_ms: int = 0) -> None:
        super().__init__(message, subject=subject, retry_after_ms=retry_after_ms)
        self.kind = kind

    @property
    def may_pass(self) -> bool:
        """Whether the same request may well succeed a moment later."""
        return self.kind not in _POINTLESS_AGAIN
