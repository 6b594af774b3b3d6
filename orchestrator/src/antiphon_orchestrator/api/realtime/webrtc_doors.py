"""Where calls come in: on which UDP ports, under which addresses, with whose help. Checked when settings are read."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_SERVER = re.compile(r"(stun|turn|turns):[^:@/?]+(:\d+)?(\?transport=(udp|tcp))?")
_LEAST_PORT = 1_024


@dataclass(frozen=True, slots=True)
class Doors:
    """`addresses` empty: those of this machine. `ports` empty: any that is free. `servers`: STUN and TURN."""

    addresses: tuple[str, ...] = ()
    ports: range = range(0)
    servers: tuple[str, ...] = ()
    user: str = ""
    secret: str = ""


def ports_of(text: str) -> range:
    """FROM-TO, both included; raises ValueError."""
    if not text:
        return range(0)
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and _LEAST_PORT <= int(first) <= int(last) <= 65_535):
        raise ValueError(f"{text!r} is no range of ports; write FROM-TO, both from {_LEAST_PORT} to 65535: 50000-50199")
    return range(int(first), int(last) + 1)


def check_address(text: str) -> str:
    """Raises ValueError for what is no IP address: browsers take nothing else."""
    return str(ipaddress.ip_address(text))


def check_server(text: str) -> str:
    """Raises ValueError for what is no STUN or TURN server."""
    if not _SERVER.fullmatch(text):
        raise ValueError(f"{text!r} is no STUN or TURN server; write stun:HOST:PORT or turn:HOST:PORT?transport=tcp")
    return text
