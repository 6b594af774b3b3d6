"""Script: the order in which an utterance's requests may come, and how much text. Pure."""

from __future__ import annotations

import unicodedata

from antiphon_core.errors import BadRequest, BadText
from antiphon_core.utterance import Control, Start, Text, UtteranceMessage


class Script:
    """One Start, then Text until the one that is last; Control at any time in between and after."""

    def __init__(self, max_text_bytes: int) -> None:
        self._max_text_bytes = max_text_bytes
        self._text_bytes = 0
        self._speakable = False
        self._started = False
        self.complete = False
        """Whether all of the text is here."""

    def accept(self, message: UtteranceMessage) -> UtteranceMessage:
        """The message, if it may come now."""
        if isinstance(message, Start):
            self._start()
        elif not self._started:
            raise BadRequest(
                f"the first request is {_name(message)}; an utterance begins with start",
                subject=_name(message),
                allowed=["start"],
            )
        elif isinstance(message, Text):
            self._text(message)
        return message

    def end(self) -> None:
        """The client sends no more."""
        if not self._started:
            raise BadRequest("the requests ended before start; send start, then text", allowed=["start"])
        if not self.complete:
            raise BadRequest("the requests ended before a text with last set; set it on the last one", subject="last")

    def _start(self) -> None:
        if self._started:
            raise BadRequest("start came twice; a stream carries one utterance", subject="start")
        self._started = True

    def _text(self, message: Text) -> None:
        if self.complete:
            raise BadRequest("text came after the one with last set", subject="text")
        self._text_bytes += len(message.text.encode("utf-8", "surrogatepass"))
        if self._text_bytes > self._max_text_bytes:
            raise BadText(
                f"the text is longer than {self._max_text_bytes} bytes of UTF-8; send it as several utterances",
                subject="text",
            )
        self._speakable = self._speakable or is_speakable(message.text)
        self.complete = message.last
        if message.last and not self._speakable:
            raise BadText("there is no text to speak; send letters, digits or signs", subject="text")


def is_speakable(text: str) -> bool:
    """Whether there is more than blanks and punctuation in it."""
    return any(unicodedata.category(character)[0] in "LNS" for character in text)


def _name(message: UtteranceMessage) -> str:
    return f"control {message.value}" if isinstance(message, Control) else "text"
