"""TLS between servers and workers: certificates in files, which are read again when the files change."""

from __future__ import annotations

import ssl
import threading
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import grpc
import structlog

from antiphon_core.errors import BadSettings
from antiphon_core.expiry import Ends, end_of_authorities, end_of_chain
from antiphon_core.stamps import Stamp, stamp_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `ca`: whom the other side's certificate must come from; `cert` and `key`: what it is shown."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Pems:
    """What the files hold, and until when it counts."""

    ca: bytes
    cert: bytes
    key: bytes
    ends: Ends = field(compare=False)


class Certificates:
    """What counts now. Where new files are broken that is logged once, and what counted before goes on counting."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises BadSettings."""
        self._files = files
        self._stamps = self._look()
        self._pems = read_pems(files)
        self._lock = threading.Lock()

    @property
    def now(self) -> Pems:
        """The same object until the files change. May be asked from any thread."""
        with self._lock:
            stamps = self._look()
            if stamps != self._stamps:
                self._stamps = stamps
                self._read()
            return self._pems

    def ends(self) -> Ends:
        """Until when they count, by file."""
        return self.now.ends

    def _read(self) -> None:
        try:
            pems = read_pems(self._files)
        except BadSettings as error:
            log.error("certificates not changed", reason=error.message)
            return
        if pems != self._pems:
            self._pems = pems
            log.info("certificates changed", cert=str(self._files.cert))

    def _look(self) -> tuple[Stamp, ...]:
        return tuple(stamp_of(path) for path in astuple(self._files))


def read_pems(files: TlsFiles) -> Pems:
    """Raises BadSettings that names the file."""
    ca, cert, key = _content(files.ca), _content(files.cert), _content(files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_pair(context, files.cert, files.key)
    try:
        context.load_verify_locations(files.ca)
    except (OSError, ValueError) as error:
        raise BadSettings(
            f"{files.ca} holds no certificates of an authority in PEM: {_reason(error)}", subject=str(files.ca)
        ) from None
    ends = {files.cert: end_of_chain(files.cert, cert), files.ca: end_of_authorities(files.ca, ca)}
    return Pems(ca, cert, key, ends)


def load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Has the context show this certificate from now on. Raises BadSettings."""
    _content(cert), _content(key)
    try:
        # Without a password OpenSSL would ask on the terminal for one.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        raise BadSettings(
            f"certificate {cert} cannot be used with key {key}: {_reason(error)}; both are PEM, the key without a "
            "password, and the certificate's issuers follow it in its file",
            subject=str(cert),
        ) from None


def server_credentials(certificates: Certificates) -> grpc.ServerCredentials:
    """Asks every caller for a certificate of the authority. Each handshake uses what the files hold then."""
    known = certificates.now

    def changed() -> Any:  # a configuration or None, which the types do not allow for
        nonlocal known
        pems = certificates.now
        if pems is known:
            return None
        known = pems
        return _configuration(pems)

    return grpc.dynamic_ssl_server_credentials(_configuration(known), changed, require_client_authentication=True)


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pems.key, pems.cert)], root_certificates=pems.ca)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSettings(f"cannot read {path}: {error.strerror}", subject=str(path)) from None


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
