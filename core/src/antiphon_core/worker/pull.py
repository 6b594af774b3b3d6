"""Pull: one utterance in its engine's thread, from text to frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from antiphon_core.audio import FRAME_MS, PcmChunk
from antiphon_core.errors import AntiphonError, BadText, EngineFailed
from antiphon_core.models import Capability, Model, SpeechRequest
from antiphon_core.worker.audio_path import AudioPath, slices
from antiphon_core.worker.feed import Feed, Piece
from antiphon_core.worker.framer import Framed
from antiphon_core.worker.outbox import Outbox
from antiphon_core.worker.stopwatch import Stopwatch

AHEAD = 2.0
"""A chunk is begun when there is left to play what this many of the slowest so far took to make."""
MOST_AHEAD_MS = 10_000

Clock = Callable[[], float]
"""Seconds that only grow."""


class Pull:
    """Pulls the engine's generator while somebody wants audio, and closes it in the thread that pulled it."""

    def __init__(
        self,
        model: Model,
        ask: Callable[[str], SpeechRequest],
        feed: Feed,
        path: AudioPath,
        outbox: Outbox,
        stopwatch: Stopwatch,
        clock: Clock = time.monotonic,
    ) -> None:
        self._model = model
        self._ask = ask
        self._feed = feed
        self._path = path
        self._outbox = outbox
        self._stopwatch = stopwatch
        self._clock = clock
        self._spoken = False
        self._first_text_s: float | None = None
        self.first_audio_s = 0.0
        """From the first text the engine was given to its first frame; 0 while there was none."""

    @property
    def samples(self) -> int:
        return self._path.samples

    def run(self) -> None:
        """Speaks all that the feed gives. Raises nothing: what goes wrong goes into the outbox."""
        try:
            self._speak()
        except AntiphonError as error:
            self._outbox.finish(error)
        except Exception as error:
            self._outbox.finish(_engine_failed(self._model, error))
        else:
            self._outbox.finish()
        finally:
            self._stopwatch.stop()

    def _speak(self) -> None:
        if Capability.STREAMING_TEXT in self._model.info.capabilities:
            self._pull(self._model.synthesize_stream(self._ask(""), self._texts()))
        else:
            self._speak_pieces()
        self._outbox.put(self._path.finish())

    def _speak_pieces(self) -> None:
        """An utterance is bad text only if nothing in it can be spoken: a last sentence may be but an emoji."""
        refused: BadText | None = None
        for piece in self._pieces():
            self._outbox.put(self._path.next_piece(piece.offset))
            try:
                if not self._pull(self._model.synthesize(self._ask(piece.text))):
                    return
            except BadText as error:
                refused = error
        if refused is not None and not self._spoken:
            raise refused

    def _pull(self, chunks: Iterator[PcmChunk]) -> bool:
        """Whether the generator came to its end."""
        before_s = self._stopwatch.total_s
        self._stopwatch.start()
        try:
            for chunk in chunks:
                self._stopwatch.stop()
                self._keep_pace(self._stopwatch.total_s - before_s)
                self._spoken = True
                for part in slices(chunk):
                    self._send(self._path.push(part))
                    if self._outbox.closed:
                        return False
                if not self._outbox.wait_for_room():
                    return False
                before_s = self._stopwatch.total_s
                self._stopwatch.start()
            return True
        finally:
            self._stopwatch.stop()
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _keep_pace(self, chunk_s: float) -> None:
        """Lets an engine that takes long over a chunk begin the next one early enough, or each would end in a gap."""
        events = int(min(AHEAD * chunk_s * 1000, MOST_AHEAD_MS)) // FRAME_MS
        self._outbox.limit = max(self._outbox.limit, events)

    def _send(self, events: list[Framed]) -> None:
        if events and not self.first_audio_s and self._first_text_s is not None:
            self.first_audio_s = self._clock() - self._first_text_s
        self._outbox.put(events)

    def _pieces(self) -> Iterator[Piece]:
        for piece in self._feed:
            if self._first_text_s is None:
                self._first_text_s = self._clock()
            yield piece

    def _texts(self) -> Iterator[str]:
        """The engine waits for text in here: that is not its time."""
        pieces = self._pieces()
        while True:
            self._stopwatch.stop()
            piece = next(pieces, None)
            self._stopwatch.start()
            if piece is None:
                return
            yield piece.text


def _engine_failed(model: Model, error: Exception) -> EngineFailed:
    return EngineFailed(
        f"the engine of model {model.info.id!r} raised {type(error).__name__}: {error}", subject=model.info.id
    )
