"""Files of an authority of a test's own."""

from __future__ import annotations

from pathlib import Path

from antiphon_core.tls import TlsFiles
from antiphon_orchestrator.authority import Authority, Use

HERE = ("localhost", "127.0.0.1")


class Issuer:
    """Writes into a folder; another one of the same folder takes the place of the first, as in a rotation."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority.new()
        self._folder = folder
        self._folder.mkdir(exist_ok=True)
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._authority.pair.cert)

    def server(self, *, days: int = 9) -> TlsFiles:
        """Of whoever is called."""
        return self._issue("server", Use.SERVING, days)

    def caller(self, *, days: int = 9) -> TlsFiles:
        """Of whoever calls."""
        return self._issue("caller", Use.CALLING, days)

    def _issue(self, name: str, use: Use, days: int) -> TlsFiles:
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        self._authority.issue(name, use, HERE, days).write(cert, key)
        return TlsFiles(self.ca, cert, key)
