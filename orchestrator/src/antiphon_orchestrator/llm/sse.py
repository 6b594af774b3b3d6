"""Server-sent events: bytes in, in whatever pieces, and the data of whole events out. Pure."""

from __future__ import annotations

import re

MAX_EVENT_BYTES = 1 << 20
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """No event ends within MAX_EVENT_BYTES: this is no event stream."""


class EventStream:
    """Comments, and all fields but `data`, are passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_first_line = True
        self._after_return = False
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[str]:
        """The events that this piece completes."""
        if self._after_return and piece:
            # The two characters of one line end came in two pieces.
            piece = piece.removeprefix(b"\n")
            self._after_return = False
        self._rest += piece
        if self._rest.endswith(b"\r"):
            self._after_return = True
        *lines, self._rest = _LINE_END.split(self._rest)
        events = [event for line in lines if (event := self._take(line)) is not None]
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLong(f"no event ends within {MAX_EVENT_BYTES} bytes")
        return events

    def end(self) -> list[str]:
        """What is left when the stream ends: some servers leave out the last empty line."""
        return self.feed(b"\n\n")

    def _take(self, line: bytes) -> str | None:
        if self._is_first_line:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._is_first_line = False
        if not line:
            return self._event()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
        return None

    def _event(self) -> str | None:
        if not self._data:
            return None
        data, self._data, self._size = b"\n".join(self._data), [], 0
        return data.decode("utf-8", "replace")
