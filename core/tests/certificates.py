"""Authorities of a test's own, and what they issue."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme
from antiphon_core.tls import TlsFiles


class Authority:
    """Writes certificates into a folder; one that is written again replaces the old one."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.path = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.path)

    def issue(self, owner: str, *hosts: str, trusts: Path | None = None, expired: bool = False) -> TlsFiles:
        """`trusts`: the authority of the other side, if it is not this one."""
        now = datetime.now(timezone.utc)
        first, last = (now - timedelta(9), now - timedelta(1)) if expired else (now - timedelta(1), now + timedelta(9))
        issued = self._ca.issue_cert(*(hosts or ("localhost", "127.0.0.1")), not_before=first, not_after=last)
        cert, key = self._folder / f"{owner}.pem", self._folder / f"{owner}.key"
        key.write_bytes(issued.private_key_pem.bytes())
        cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return TlsFiles(trusts or self.path, cert, key)
