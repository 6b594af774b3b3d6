"""Authority: a small certificate authority of one's own, for tests and for deployments that have no other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from antiphon_core.errors import BadSettings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 3_650
_EARLIER = timedelta(hours=1)
"""Clocks differ: a certificate counts from a little before it is made."""


class Use(Enum):
    """What a certificate is good for. One that only serves cannot call, and the other way round."""

    SERVING = ExtendedKeyUsageOID.SERVER_AUTH
    CALLING = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, in PEM."""

    cert: bytes
    key: bytes

    def write(self, cert: Path, key: Path) -> None:
        """Both at once, as far as files can: whoever reads in between finds a pair that does not fit, and waits."""
        write(key, self.key, mode=0o600)
        write(cert, self.cert)


class Authority:
    """Issues certificates. Whoever has its key can issue more: it belongs on no machine that serves."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def new(cls, name: str = "Antiphon") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begun(name, name, key.public_key(), _DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        subject = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return cls(builder.add_extension(subject, critical=False).sign(key, hashes.SHA256()), key)

    @classmethod
    def read(cls, cert: Path, key: Path) -> Authority:
        """The one that was written there. Raises BadSettings."""
        try:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
            certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise BadSettings(f"cannot read the authority in {cert} and {key}: {error}", subject=str(cert)) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise BadSettings(f"{key} is not a key that `antiphon tls make` wrote", subject=str(key))
        return cls(certificate, private)

    @property
    def pair(self) -> Pair:
        return Pair(self._certificate.public_bytes(serialization.Encoding.PEM), _key_pem(self._key))

    def issue(self, name: str, use: Use, hosts: Sequence[str] = (), days: int = 365) -> Pair:
        """A certificate for `name` and for hosts: names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        builder = _begun(name, str(issuer), key.public_key(), days)
        names = x509.SubjectAlternativeName([_general(host) for host in dict.fromkeys((name, *hosts))])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(names, critical=False).add_extension(authority, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use.value]), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return Pair(made.public_bytes(serialization.Encoding.PEM), _key_pem(key))


_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _begun(name: str, issuer: str, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER + min(timedelta(days), timedelta()))
        .not_valid_after(now + timedelta(days))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """At once, for whoever reads it meanwhile."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    beside.replace(path)
