"""Encodes speech while it is being made: pcm, wav, mp3, opus, flac, aac."""

from __future__ import annotations

import io
from typing import Protocol

import av
import numpy as np

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# Muxers hold pages and headers back by default; a listener waits for them.
_FFMPEG = {
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
    "opus": ("ogg", "libopus", {"page_duration": "20000"}),
    "aac": ("adts", "aac", {}),
    "flac": ("flac", "flac", {}),
}
_ENDLESS = 0xFFFF_FFFF


class Encoder(Protocol):
    """Takes 16-bit samples as bytes, gives encoded bytes as soon as it can."""

    def push(self, pcm: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


def encoder(name: str, rate_hz: int) -> Encoder:
    """An encoder for one of MEDIA_TYPES."""
    if name in _FFMPEG:
        return _FfmpegEncoder(name, rate_hz)
    return _RawEncoder(wav_header(rate_hz) if name == "wav" else b"")


def wav_header(rate_hz: int, data_bytes: int = _ENDLESS, *, channels: int = 1) -> bytes:
    """The header of a 16-bit WAV, of unknown length unless told."""
    riff_bytes = _ENDLESS if data_bytes == _ENDLESS else data_bytes + 36
    block = 2 * channels
    fields = np.array([16, channels << 16 | 1, rate_hz, rate_hz * block, 16 << 16 | block], "<u4").tobytes()
    return (
        b"RIFF" + riff_bytes.to_bytes(4, "little") + b"WAVEfmt " + fields + b"data" + data_bytes.to_bytes(4, "little")
    )


class _RawEncoder:
    def __init__(self, header: bytes) -> None:
        self._header = header

    def push(self, pcm: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + pcm

    def finish(self) -> bytes:
        return self.push(b"")


class _Pipe(io.RawIOBase):
    """A file that cannot be seeked and hands over what was written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        written = bytes(data)  # type: ignore[call-overload]
        self._written += written
        return len(written)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class _FfmpegEncoder:
    def __init__(self, name: str, rate_hz: int) -> None:
        muxer, codec, options = _FFMPEG[name]
        self._pipe = _Pipe()
        self._container = av.open(self._pipe, "w", format=muxer, options={"flush_packets": "1", **options})
        stream = self._container.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._rate_hz = rate_hz
        self._samples = 0

    def push(self, pcm: bytes) -> bytes:
        if pcm:
            frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), "s16", "mono")
            frame.sample_rate = self._rate_hz
            frame.pts = self._samples
            self._samples += frame.samples
            self._container.mux(self._stream.encode(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._pipe.take()
