"""Draws a conversation: a lane for each side, what was said, and where somebody paused, held or interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Track = npt.NDArray[np.int16]

_ROW_S = 16.0
_PIXELS_A_SECOND = 100
_LANE = 76
_GAP = 34
_MARGIN = 130
_HEAD = 92
_PAPER, _INK, _FAINT = "#fbfaf7", "#22252b", "#c9c6bd"
_SIDES = ("#2f6f9f", "#b4552d")
_HELD, _CUT, _LATENCY = "#f2d98b", "#c2242c", "#4d7a45"


@dataclass(frozen=True, slots=True)
class Words:
    """What one side (0: the user, 1: the machine) said from a time on."""

    side: int
    at_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with a meaning."""

    start_ms: float
    end_ms: float
    label: str


@dataclass(slots=True)
class Timeline:
    """What is drawn. Times are milliseconds of the call."""

    title: str
    tracks: tuple[Track, Track]
    rate_hz: int
    words: list[Words] = field(default_factory=list)
    held: list[Span] = field(default_factory=list)
    interrupted_ms: list[float] = field(default_factory=list)
    latencies: list[Span] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Writes a PNG."""
        seconds = max(len(track) for track in self.tracks) / self.rate_hz
        rows = max(1, int(np.ceil(seconds / _ROW_S)))
        row_height = 2 * _LANE + _GAP + 64
        image = Image.new("RGB", (int(_MARGIN + _ROW_S * _PIXELS_A_SECOND + 30), _HEAD + rows * row_height), _PAPER)
        draw = ImageDraw.Draw(image)
        draw.text((24, 18), self.title, fill=_INK, font=_font(24))
        _legend(draw, image.width)
        for row in range(rows):
            _Row(self, draw, row * _ROW_S, _HEAD + row * row_height).draw()
        image.save(path)


class _Row:
    """One line of the picture: so many seconds of both lanes."""

    def __init__(self, timeline: Timeline, draw: ImageDraw.ImageDraw, start_s: float, top: int) -> None:
        self._timeline = timeline
        self._draw = draw
        self._start_s = start_s
        self._top = top

    def draw(self) -> None:
        self._seconds()
        for span in self._timeline.held:
            self._held(span)
        for side in (0, 1):
            self._lane(side)
        for words in self._timeline.words:
            self._text(words)
        for span in self._timeline.latencies:
            self._latency(span)
        for at_ms in self._timeline.interrupted_ms:
            self._cut(at_ms)

    def _x(self, at_ms: float) -> float:
        return _MARGIN + (at_ms / 1000 - self._start_s) * _PIXELS_A_SECOND

    def _inside(self, at_ms: float) -> bool:
        return self._start_s <= at_ms / 1000 < self._start_s + _ROW_S

    def _lane_top(self, side: int) -> int:
        return self._top + 24 + side * (_LANE + _GAP)

    def _seconds(self) -> None:
        for second in range(int(_ROW_S) + 1):
            x = _MARGIN + second * _PIXELS_A_SECOND
            self._draw.line((x, self._lane_top(0), x, self._lane_top(1) + _LANE), fill="#eceae3")
            if second % 2 == 0:
                label = f"{int(self._start_s) + second} s"
                self._draw.text((x - 8, self._lane_top(1) + _LANE + 4), label, fill="#8d8a82", font=_font(12))

    def _lane(self, side: int) -> None:
        top, timeline = self._lane_top(side), self._timeline
        middle = top + _LANE // 2
        name = ("user", "machine")[side]
        self._draw.text((24, middle - 10), name, fill=_SIDES[side], font=_font(18))
        self._draw.line((_MARGIN, middle, _MARGIN + _ROW_S * _PIXELS_A_SECOND, middle), fill=_FAINT)
        samples_a_pixel = timeline.rate_hz // _PIXELS_A_SECOND
        begin = int(self._start_s * timeline.rate_hz)
        track = timeline.tracks[side][begin : begin + int(_ROW_S * timeline.rate_hz)]
        peaks = np.abs(track[: len(track) // samples_a_pixel * samples_a_pixel].astype(np.int32))
        for column, peak in enumerate(peaks.reshape(-1, samples_a_pixel).max(axis=1)):
            height = (peak / 32_768) ** 0.6 * _LANE / 2
            if height >= 1:
                x = _MARGIN + column
                self._draw.line((x, middle - height, x, middle + height), fill=_SIDES[side])

    def _text(self, words: Words) -> None:
        if not self._inside(words.at_ms):
            return
        font, x = _font(13), self._x(words.at_ms)
        room = _MARGIN + _ROW_S * _PIXELS_A_SECOND - x
        text = shortened(words.text, room, lambda text: self._draw.textlength(text, font=font))
        self._draw.text((x, self._lane_top(words.side) - 18), text, fill=_INK, font=font)

    def _held(self, span: Span) -> None:
        left = max(self._x(span.start_ms), _MARGIN)
        right = min(self._x(span.end_ms), _MARGIN + _ROW_S * _PIXELS_A_SECOND)
        if right > left:
            top = self._lane_top(1)
            self._draw.rectangle((left, top, right, top + _LANE), fill=_HELD)
            self._draw.text((left + 3, top + _LANE - 16), span.label, fill="#7d6414", font=_font(12))

    def _cut(self, at_ms: float) -> None:
        if self._inside(at_ms):
            x, top = self._x(at_ms), self._lane_top(0)
            self._draw.line((x, top, x, self._lane_top(1) + _LANE), fill=_CUT, width=2)
            self._draw.text((x + 4, self._lane_top(1) + _LANE - 16), "interrupted", fill=_CUT, font=_font(12))

    def _latency(self, span: Span) -> None:
        if not (self._inside(span.start_ms) and self._inside(span.end_ms)):
            return
        left, right = self._x(span.start_ms), self._x(span.end_ms)
        y = self._lane_top(0) + _LANE + 6
        self._draw.line((left, y, right, y), fill=_LATENCY, width=3)
        for x in (left, right):
            self._draw.line((x, y - 5, x, y + 5), fill=_LATENCY, width=2)
        self._draw.text((right + 5, y - 8), span.label, fill=_LATENCY, font=_font(12))


def _legend(draw: ImageDraw.ImageDraw, width: int) -> None:
    entries = (
        (_LATENCY, "end of speech to first sound"),
        (_HELD, "held: is it an interruption?"),
        (_CUT, "interrupted"),
    )
    x = width - 30.0
    for colour, text in reversed(entries):
        x -= draw.textlength(text, font=_font(13))
        draw.text((x, 56), text, fill=_INK, font=_font(13))
        draw.rectangle((x - 20, 58, x - 6, 70), fill=colour)
        x -= 44


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def shortened(text: str, room: float, width: Callable[[str], float]) -> str:
    """As much of the text as there is room for."""
    if width(text) <= room:
        return text
    while text and width(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip(' .')}…" if text else ""


def spans_between(begins: Sequence[float], ends: Sequence[float], last_ms: float, label: str) -> list[Span]:
    """From each beginning to the next end."""
    return [Span(begin, min((end for end in ends if end > begin), default=last_ms), label) for begin in begins]
