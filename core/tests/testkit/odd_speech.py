"""Adapters with a fault in how they sound, when they speak, or which texts they take."""

from __future__ import annotations

import os
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadText
from antiphon_core.models import SpeechRequest
from sound_engine import CLOCK, RATE_HZ, Changed, Floats, Plugin, Sound


class _OtherRate(Changed):
    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        return replace(chunk, rate_hz=16_000)


class _EmptyChunk(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        yield from super().synthesize_stream(request, texts)
        yield PcmChunk(np.zeros(0, np.int16), RATE_HZ)


class _OneBuffer(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        buffer = np.zeros(RATE_HZ, np.int16)
        for chunk in super().synthesize_stream(request, texts):
            buffer[: len(chunk.samples)] = chunk.samples
            yield replace(chunk, samples=buffer[: len(chunk.samples)])


class _Whisper(Changed):
    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        return replace(chunk, samples=(chunk.samples // 100).astype(np.int16))


class _Shout(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        return super().burst(word, request) * 50 + (1e-3 if request.voice == "low" else -1e-3)


class _LateVoice(Sound):
    hole_s, at_word = 0.8, 0

    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        sound = super().burst(word, request)
        if word.start() != self.at_word:
            return sound
        return np.concatenate([np.zeros(int(RATE_HZ * self.hole_s / request.speed)), sound])


class _Hole(_LateVoice):
    hole_s, at_word = 2.5, 4

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        kind = _Hole if "lighthouse" in request.text or not request.text else Sound
        return Sound.synthesize_stream(kind(self.info), request, texts)


class _MuteVoice(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        if request.voice == "high":
            raise FileNotFoundError("high.bin")
        return super().synthesize(request)


class _OneVoice(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        return super().burst(word, replace(request, voice="low"))


class _Unseeded(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        seed = int.from_bytes(os.urandom(4), "big")
        return super().burst(word, replace(request, seed=seed))


class _OwnPace(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        return super().burst(word, replace(request, speed=1.0))


class _InversePace(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        return super().burst(word, replace(request, speed=1 / request.speed))


other_rate = Plugin(_OtherRate)
empty_chunk = Plugin(_EmptyChunk)
one_buffer = Plugin(_OneBuffer)
whisper = Plugin(_Whisper)
shout = Plugin(_Shout)
late_voice = Plugin(_LateVoice)
hole = Plugin(_Hole)
mute_voice = Plugin(_MuteVoice)
one_voice = Plugin(_OneVoice)
unseeded = Plugin(_Unseeded)
own_pace = Plugin(_OwnPace)
inverse_pace = Plugin(_InversePace)


class _Delayed(Sound):
    """Lets time pass before each chunk."""

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        for number, chunk in enumerate(super().synthesize_stream(request, texts)):
            CLOCK.advance(self.delay_s(number, request))
            yield chunk

    def delay_s(self, number: int, request: SpeechRequest) -> float:
        raise NotImplementedError


class _LateStart(_Delayed):
    def delay_s(self, number: int, request: SpeechRequest) -> float:
        return 0.0 if number else 1.1


class _LongGap(_Delayed):
    def delay_s(self, number: int, request: SpeechRequest) -> float:
        return 1.1 if number == 2 else 0.0


class _AllAtOnce(_Delayed):
    def delay_s(self, number: int, request: SpeechRequest) -> float:
        return 0.0 if number else len(request.text) / 2_000


class _SentenceAtOnce(_Delayed):
    def delay_s(self, number: int, request: SpeechRequest) -> float:
        return 0.0 if number else max(map(len, request.text.split("."))) / 2_000


class _Refusing(Sound):
    """Raises on some texts."""

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        self.look_at(request.text)
        return super().synthesize(request)

    def look_at(self, text: str) -> None:
        raise NotImplementedError


class _IndexErrorOnHuge(_Refusing):
    def look_at(self, text: str) -> None:
        if len(text) > 5_000:
            raise IndexError("sequence too long")


class _LimitedLength(_Refusing):
    def look_at(self, text: str) -> None:
        if len(text) > 5_000:
            raise BadText("at most 5000 characters")


class _IndexErrorOnEmpty(_Refusing):
    def look_at(self, text: str) -> None:
        text.split()[0]


class _SilenceForEmpty(Sound):
    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        if not request.text.strip():
            return iter([])
        return super().synthesize(request)


class _BmpOnly(_Refusing):
    def look_at(self, text: str) -> None:
        if any(ord(sign) > 0xFFFF for sign in text):
            raise UnicodeError("not in the basic plane")


class _LatinOnly(_Refusing):
    def look_at(self, text: str) -> None:
        for sign in text:
            if sign.isalpha() and not unicodedata.name(sign, "").startswith("LATIN"):
                raise KeyError(sign)


class _Parser(_Refusing):
    def look_at(self, text: str) -> None:
        if "<" in text:
            ElementTree.fromstring(text)


class _Obedient(Sound):
    def burst(self, word: re.Match[str], request: SpeechRequest) -> Floats:
        pause_s = 30 if word.group() == "break" else 0
        return np.concatenate([np.zeros(RATE_HZ * pause_s), super().burst(word, request)])


late_start = Plugin(_LateStart)
long_gap = Plugin(_LongGap)
all_at_once = Plugin(_AllAtOnce)
sentence_at_once = Plugin(_SentenceAtOnce)
index_error_on_huge = Plugin(_IndexErrorOnHuge)
limited_length = Plugin(_LimitedLength)
index_error_on_empty = Plugin(_IndexErrorOnEmpty)
silence_for_empty = Plugin(_SilenceForEmpty)
bmp_only = Plugin(_BmpOnly)
latin_only = Plugin(_LatinOnly)
parser = Plugin(_Parser)
obedient = Plugin(_Obedient)
