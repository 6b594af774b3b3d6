"""The socket that a server listens on, and the address that it has there."""

from __future__ import annotations

import socket

from antiphon_core.errors import BadSettings

from antiphon_orchestrator.settings import ServerSettings

_BACKLOG = 1_024


def listening_socket(settings: ServerSettings) -> socket.socket:
    """Bound before anything slow begins, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise BadSettings(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another --port, or 0 for a free one",
            subject="port",
        ) from None
    bound.listen(_BACKLOG)
    return bound


def address_of(bound: socket.socket, settings: ServerSettings) -> str:
    """As a URL."""
    host, port = bound.getsockname()[:2]
    return f"{'http' if settings.tls_cert is None else 'https'}://{host}:{port}"
