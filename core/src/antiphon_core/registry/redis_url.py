"""Redis by URL: one server, one found by Sentinel, or a cluster; with password, TLS and a namespace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from antiphon_core.errors import BadSettings

FORMS = (
    "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]",
    "redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT],.../SERVICE[/DB]",
    "redis+cluster://[[USER]:PASSWORD@]HOST[:PORT],...",
)
SCHEMES = ("redis", "redis+sentinel", "redis+cluster", "rediss", "rediss+sentinel", "rediss+cluster")
_TLS_FILES = {"ca": "ssl_ca_certs", "cert": "ssl_certfile", "key": "ssl_keyfile"}
_OPTIONS = ("namespace", *_TLS_FILES)
_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]+")
_SECRET = re.compile(r"(?<=//)([^/@]*:)[^/@]*(?=@)")
_SENTINEL_PORT = 26_379


class Kind(Enum):
    """How the server is found."""

    SINGLE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """What such a URL says. `tls` holds options for redis-py and is None without TLS."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    username: str = ""
    password: str = field(default="", repr=False)
    db: int = 0
    service: str = ""
    tls: dict[str, str] | None = None
    namespace: str = "antiphon"


def is_redis(url: str) -> bool:
    """Whether the URL names a Redis at all."""
    return url.partition("://")[0] in SCHEMES


def without_secrets(url: str) -> str:
    """The URL as it may be shown: without its password."""
    return _SECRET.sub(r"\1***", url)


def parse_redis_url(url: str) -> RedisUrl:
    """Raises BadSettings with the form that is right."""
    try:
        return _parse(url)
    except ValueError as error:
        raise BadSettings(
            f"registry {without_secrets(url)!r}: {error}; it is one of {', '.join(FORMS)}, with rediss instead of "
            f"redis for TLS, and ?{'=...&'.join(_OPTIONS)}=... after it where needed",
            subject="registry",
            allowed=FORMS,
        ) from None


def _parse(url: str) -> RedisUrl:
    parts = urlsplit(url)
    scheme, _, kind_name = parts.scheme.partition("+")
    kind = Kind(kind_name)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    service, db = _path(parts, kind)
    options = _options(parts)
    namespace = options.pop("namespace", "antiphon")
    if not _NAMESPACE.fullmatch(namespace):
        raise ValueError(f"namespace {namespace!r} holds more than letters, digits, '_', '.' and '-'")
    if options and scheme == "redis":
        raise ValueError(f"{', '.join(options)} belong to rediss, which is Redis over TLS")
    return RedisUrl(
        kind=kind,
        hosts=_hosts(hosts, _SENTINEL_PORT if kind is Kind.SENTINEL else 6_379, several=kind is not Kind.SINGLE),
        username=unquote(username),
        password=unquote(password),
        db=db,
        service=service,
        tls={_TLS_FILES[name]: value for name, value in options.items()} if scheme == "rediss" else None,
        namespace=namespace,
    )


def _hosts(text: str, default_port: int, *, several: bool) -> tuple[tuple[str, int], ...]:
    hosts = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        address = urlsplit(f"//{one}")
        if not address.hostname:
            raise ValueError(f"{one!r} is no host")
        hosts.append((address.hostname, address.port or default_port))
    if not hosts:
        raise ValueError("it names no host")
    if len(hosts) > 1 and not several:
        raise ValueError("it names several hosts, which Sentinel and clusters have")
    return tuple(hosts)


def _path(parts: SplitResult, kind: Kind) -> tuple[str, int]:
    """The name of the service that Sentinels look after, and the number of the database."""
    names = [name for name in parts.path.split("/") if name]
    service = names.pop(0) if kind is Kind.SENTINEL and names else ""
    if kind is Kind.SENTINEL and not service:
        raise ValueError("it names no service of the Sentinels, such as /mymaster")
    if len(names) > (kind is not Kind.CLUSTER) or not all(name.isdigit() for name in names):
        raise ValueError(f"nothing is known of {parts.path!r} in it")
    return service, int(names[0]) if names else 0


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r} (there are {', '.join(_OPTIONS)})")
    return options
