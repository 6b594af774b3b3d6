"""One class per condition that callers can tell apart; the wire maps each of them once."""

from __future__ import annotations

import re
from collections.abc import Sequence


class AntiphonError(Exception):
    """Says what was wrong, what is allowed and what to do.

    `subject` is the thing that was wrong, `allowed` what would have been accepted, `retry_after_ms` when another
    try makes sense (0: none does).
    """

    def __init__(
        self, message: str, *, subject: str = "", allowed: Sequence[str] = (), retry_after_ms: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.allowed = tuple(allowed)
        self.retry_after_ms = retry_after_ms


class BadText(AntiphonError):
    """The text is empty, too long or not speakable."""


class BadFormat(AntiphonError):
    """The audio format is not offered."""


class BadRequest(AntiphonError):
    """Messages in a forbidden order, or a field with a bad value."""


class UnknownModel(AntiphonError):
    """No model of that name."""


class UnknownVoice(AntiphonError):
    """No voice of that name."""


class Full(AntiphonError):
    """All running and waiting places are taken."""


class CannotLoad(AntiphonError):
    """The model cannot be loaded."""


class LicenceRefused(AntiphonError):
    """The model's licence is not on the deployment's allow-list."""


class Draining(AntiphonError):
    """The worker is about to end and takes no new work."""


class EngineFailed(AntiphonError):
    """The engine raised."""


class EngineStalled(AntiphonError):
    """The engine gave nothing for too long."""


class Unsupported(AntiphonError):
    """The model lacks the capability that was asked for."""


class WorkerGone(AntiphonError):
    """The worker does not answer, or the connection to it broke. Never sent: a client's own view."""


class Untrusted(WorkerGone):
    """TLS with the worker failed: one of the two does not trust the other. Nothing was said to it."""


class BadSettings(AntiphonError):
    """A setting is unknown or its value is not allowed."""


def condition(error: BaseException) -> str:
    """An error's name for labels and logs: `UnknownVoice` is unknown_voice."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
