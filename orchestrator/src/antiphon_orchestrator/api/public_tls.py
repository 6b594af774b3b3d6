"""The certificate that callers are shown: read again when its files change, for calls that begin then."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog
from antiphon_core.errors import BadSettings
from antiphon_core.expiry import Ends, end_of_chain
from antiphon_core.stamps import Stamp, stamp_of
from antiphon_core.tls import load_pair

from antiphon_orchestrator.settings import ServerSettings

log = structlog.get_logger(__name__)

POLL_S = 1.0


class PublicCertificate:
    """`context` shows it. A new one that is broken is logged, and the old one goes on being shown."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises BadSettings."""
        self._cert = cert
        self._key = key
        self._stamps = self._look()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        load_pair(self.context, cert, key)
        self._end_s = end_of_chain(cert, cert.read_bytes())

    @classmethod
    def of(cls, settings: ServerSettings) -> PublicCertificate | None:
        """None: they name none, and callers come without TLS."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(settings.tls_cert, settings.tls_key)

    def ends(self) -> Ends:
        """Until when it counts, by file."""
        return {self._cert: self._end_s}

    async def run(self) -> None:
        """Follows the files until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            self.refresh()

    def refresh(self) -> None:
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            # A context that fails to load a pair has lost the one it had.
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._cert, self._key)
            self._end_s = end_of_chain(self._cert, self._cert.read_bytes())
            load_pair(self.context, self._cert, self._key)
        except BadSettings as error:
            log.error("certificate not changed", reason=error.message)
        else:
            log.info("certificate changed", cert=str(self._cert))

    def _look(self) -> tuple[Stamp, Stamp]:
        return stamp_of(self._cert), stamp_of(self._key)
