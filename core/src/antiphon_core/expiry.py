"""Expiry: until when certificates in files count, and who says so before it is too late."""

from __future__ import annotations

import asyncio
import binascii
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path

import structlog

from antiphon_core.errors import BadSettings

log = structlog.get_logger(__name__)

DAY_S = 86_400
_LOOK_S = 60.0
wall_s = time.time
"""Dates are by the wall's clock."""

_PEM = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.+?)-----END ", re.DOTALL)
_VERSION, _TIME_OF_FOUR_DIGIT_YEARS = 0xA0, 0x18
_VALIDITY = 3

Ends = Mapping[Path, float]
"""Files, and the seconds since 1970 until which what they hold counts."""


def end_of_chain(path: Path, pem: bytes) -> float:
    """Of a certificate and its issuers: all have to count. Raises BadSettings if they do no more."""
    end_s = min(_ends_s(pem))
    if end_s <= wall_s():
        raise BadSettings(
            f"the certificate in {path} expired on {_date(end_s)}; put a new one and its key in their place, "
            "or set this machine's clock right",
            subject=str(path),
        )
    return end_s


def end_of_authorities(path: Path, pem: bytes) -> float:
    """Of the last of them: an old one may stay beside its successor. Raises BadSettings if none counts any more."""
    end_s = max(_ends_s(pem))
    if end_s <= wall_s():
        raise BadSettings(
            f"no authority in {path} counts any more, the last expired on {_date(end_s)}; put in the one that "
            "certificates come from now, or set this machine's clock right",
            subject=str(path),
        )
    return end_s


class ExpiryWatch:
    """Warns in the log of what ends within `warn_days`: when it is first seen, and once a day."""

    def __init__(self, warn_days: Callable[[], float], *watched: Callable[[], Ends]) -> None:
        self._warn_days = warn_days
        self._watched = watched
        self._told_s: dict[tuple[Path, float], float] = {}

    def left_s(self) -> dict[str, float]:
        """By file, how long it counts; less than nothing if it does no more."""
        now_s = wall_s()
        return {str(path): end_s - now_s for path, end_s in self._ends()}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        now_s = wall_s()
        there = set(self._ends())
        # Whatever was replaced is forgotten.
        self._told_s = {end: told_s for end, told_s in self._told_s.items() if end in there}
        for path, end_s in sorted(there):
            soon = end_s - now_s < self._warn_days() * DAY_S
            if soon and now_s - self._told_s.get((path, end_s), -DAY_S) >= DAY_S:
                self._told_s[path, end_s] = now_s
                _tell(path, end_s, now_s)

    def _ends(self) -> Iterator[tuple[Path, float]]:
        for ends in self._watched:
            yield from ends().items()


def _tell(path: Path, end_s: float, now_s: float) -> None:
    days = round((end_s - now_s) / DAY_S, 1)
    if days > 0:
        log.warning("certificate expires soon", file=str(path), days_left=days, until=_date(end_s))
    else:
        log.error("certificate has expired", file=str(path), since=_date(end_s))


def _date(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _ends_s(pem: bytes) -> list[float]:
    """Of each certificate, in the order of the file. TLS itself has read it before: it is well formed."""
    return [_end_s(binascii.a2b_base64(body)) for body in _PEM.findall(pem)]


def _end_s(der: bytes) -> float:
    """A certificate begins with what is signed: [0] version, serial, algorithm, issuer, validity (RFC 5280, 4.1)."""
    _, certificate = next(_fields(der))
    _, signed = next(_fields(certificate))
    validity = [content for tag, content in _fields(signed) if tag != _VERSION][_VALIDITY]
    _, (tag, end) = _fields(validity)
    year = "%Y" if tag == _TIME_OF_FOUR_DIGIT_YEARS else "%y"
    return datetime.strptime(end.decode(), f"{year}%m%d%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()


def _fields(der: bytes) -> Iterator[tuple[int, bytes]]:
    """What a sequence holds: tags and contents."""
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            digits = size & 0x7F
            size, at = int.from_bytes(der[at : at + digits], "big"), at + digits
        yield tag, der[at : at + size]
        at += size
