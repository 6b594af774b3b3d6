"""Hands connections from the process that accepts them to one that serves them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

_TOKEN = b"c"
"""A descriptor travels with a byte."""


def give(line: socket.socket, connection: socket.socket) -> bool:
    """False if the other side takes nothing just now, or is gone."""
    try:
        return socket.send_fds(line, [_TOKEN], [connection.fileno()]) == len(_TOKEN)
    except OSError:
        return False


def take(line: socket.socket) -> Iterator[socket.socket]:
    """All that were given. Raises ConnectionError once the giver is gone."""
    while True:
        try:
            token, descriptors, _, _ = socket.recv_fds(line, len(_TOKEN), 1)
        except BlockingIOError:
            return
        if not token:
            raise ConnectionError("whoever accepts connections is gone")
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            connection.setblocking(False)
            yield connection
