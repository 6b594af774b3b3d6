"""Why a session does not do what its client asked."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """Says what was wrong, what is allowed, what to do. Nothing was changed."""

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.kind = "invalid_request_error"
        self.message = message
        self.code = code
        self.param = param

    def as_error(self, event_id: str | None = None) -> dict[str, Any]:
        """The `error` object of an error event."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }
