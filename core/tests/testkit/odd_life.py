"""Adapters with a fault in streamed text, word timings, or what they leave behind."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.models import Capability, ModelInfo, SpeechRequest
from sound_engine import CLOCK, INFO, RATE_HZ, Changed, Plugin, Sound


class _PieceByPiece(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return super().synthesize_stream(request, (f"{piece} " for piece in texts))


class _OtherOffsets(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        for chunk in super().synthesize_stream(request, texts):
            (mark,) = chunk.marks
            shift = 0 if request.text else 1
            yield replace(chunk, marks=(replace(mark, text_offset=mark.text_offset + shift),))


class _WaitsForAll(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return super().synthesize_stream(request, ["".join(texts)])


class _Marks(Changed):
    """Moves marks, in samples and in text."""

    samples, length = 0, 0

    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        (mark,) = chunk.marks
        moved = TextMark(mark.text_offset, mark.text_length + self.length, mark.sample_offset + self.samples)
        return replace(chunk, marks=(moved,))


class _MarksBehind(_Marks):
    samples = -4_000


class _MarksBeyond(_Marks):
    samples = RATE_HZ * 60


class _MarksOfNothing(_Marks):
    length = 50


class _MarksOfFew(Changed):
    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        return replace(chunk, marks=() if number % 2 else chunk.marks)


class _MarksTwice(Changed):
    def change(self, number: int, chunk: PcmChunk) -> PcmChunk:
        return replace(chunk, marks=chunk.marks * 2)


piece_by_piece = Plugin(_PieceByPiece)
other_offsets = Plugin(_OtherOffsets)
waits_for_all = Plugin(_WaitsForAll)
marks_behind = Plugin(_MarksBehind)
marks_beyond = Plugin(_MarksBeyond)
marks_of_nothing = Plugin(_MarksOfNothing)
marks_of_few = Plugin(_MarksOfFew)
marks_twice = Plugin(_MarksTwice)
undeclared_marks = Plugin(infos=(replace(INFO, capabilities=INFO.capabilities - {Capability.WORD_TIMINGS}),))


class _NoGenerator(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return itertools.chain.from_iterable([super().synthesize_stream(request, texts)])


class _SlowClose(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        try:
            yield from super().synthesize_stream(request, texts)
        except GeneratorExit:
            CLOCK.advance(2)
            raise


class _StubbornClose(Sound):
    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        try:
            yield from super().synthesize_stream(request, texts)
        except GeneratorExit:
            if len(request.text) in range(110, 1_000):
                raise OSError("the engine does not want to stop") from None
            raise


class _LeftThread(Sound):
    let_go = threading.Event()

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        try:
            yield from super().synthesize_stream(request, texts)
        except GeneratorExit:
            threading.Thread(target=self.let_go.wait, args=(10,), daemon=True).start()
            raise


class _LeftBusy(Sound):
    busy = False

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        if self.busy:
            raise RuntimeError("the engine is busy")
        for chunk in super().synthesize(request):
            self.busy = len(request.text) > 110
            yield chunk
        self.busy = False


class _LeftPosition(Sound):
    """Remembers where it was, until an utterance ends well."""

    late = 0

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        late, self.late = self.late, self.late + (len(request.text) > 110)
        for chunk in super().synthesize(request):
            yield replace(chunk, samples=chunk.samples[late:])
        self.late = late


class _SharedState(Sound):
    running = 0

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        self.running += 1
        try:
            for chunk in super().synthesize_stream(request, texts):
                yield replace(chunk, samples=chunk.samples // np.int16(self.running))
        finally:
            self.running -= 1


class _OneAtATime(Sound):
    def __init__(self, info: ModelInfo) -> None:
        super().__init__(info)
        self._lock = threading.Lock()

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        with self._lock:
            yield from super().synthesize_stream(request, texts)


class _BusyError(Sound):
    running = False

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        if self.running:
            raise RuntimeError("one at a time")
        self.running = True
        try:
            yield from super().synthesize_stream(request, texts)
        finally:
            self.running = False


_KEPT: list[object] = []


class _KeptWeights(Sound):
    def __init__(self, info: ModelInfo) -> None:
        super().__init__(info)
        _KEPT.append(np.ones(400_000))


class _KeptThread(Sound):
    let_go = threading.Event()

    def __init__(self, info: ModelInfo) -> None:
        super().__init__(info)
        threading.Thread(target=self.let_go.wait, args=(60,), daemon=True).start()


def let_go() -> None:
    """Frees what the engines that leave things behind have left."""
    _KEPT.clear()
    for event in (_LeftThread.let_go, _KeptThread.let_go):
        event.set()
        event.clear()


no_generator = Plugin(_NoGenerator)
stubborn_close = Plugin(_StubbornClose)
slow_close = Plugin(_SlowClose)
left_thread = Plugin(_LeftThread)
left_busy = Plugin(_LeftBusy)
left_position = Plugin(_LeftPosition)
shared_state = Plugin(_SharedState)
one_at_a_time = Plugin(_OneAtATime)
busy_error = Plugin(_BusyError)
kept_weights = Plugin(_KeptWeights)
kept_thread = Plugin(_KeptThread)
