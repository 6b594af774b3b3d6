"""Owns all outgoing audio of a session: paces it, holds and resumes it, and knows what was *heard*.

Times are integer milliseconds of any one clock; audio is 20 ms frames at one rate. Making speech::

    playout.open(Utterance("u1", item_id="item_1", epoch=3, script=Script("Hello there.", text_offset=0)))
    if playout.room_frames("u1") > 0: playout.push("u1", frame)      # False: the utterance was flushed, stop making it
    playout.mark("u1", text_mark)
    playout.close("u1")                   # its last frame was pushed, or its engine gave up
    playout.close_item("item_1")          # the reply's last utterance was opened

Utterances are heard in the order they were opened, whichever is filled first. Sending it::

    played = playout.tick(now_ms)         # every 20 ms, and right after the first push so that speech starts at once
    playout.hold(now_ms); playout.resume()
    heard = playout.flush(epoch, now_ms)  # drops all below `epoch`, and says what was heard of it

- Frames go out `lead_ms` ahead of when they will be played, half a frame more at most. A late tick catches up to that
  lead, not beyond.
- Hold sends one frame that fades to silence within 8 ms, then nothing; with `hold_mode` "duck" speech that has begun
  goes on 12 dB quieter. Resume goes back to the start of the word during which it was held (or the quietest place of
  the last 600 ms where the engine tells no words), and fades in. If nothing was left to send, nothing is repeated.
- A frame counts as heard once its time to be played has passed. A client that reports its playback shifts that time by
  its delay; one that truncates an item says what was heard, and we believe it. Client positions count all audio sent
  for an item, including what was repeated after a hold.
- If an engine is too slow, speech stops and goes on when the lead can be filled again: one gap, no stutter.
- Overflow: an utterance holds `room_frames`; a producer waits for room, a push beyond it raises Full.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from antiphon_core.audio import FRAME_MS, Frame, PcmFormat, TextMark
from antiphon_core.errors import BadFormat, BadRequest, Full

from antiphon_orchestrator.fade import ramped
from antiphon_orchestrator.item_audio import ItemAudio, Items
from antiphon_orchestrator.playout_stats import PlayoutStats
from antiphon_orchestrator.ports import Handover
from antiphon_orchestrator.sent_log import Run
from antiphon_orchestrator.utterance_line import Script, UtteranceLine

DUCK_GAIN = 0.25
MAX_CLIENT_DELAY_MS = 2_000
_EARLY_MS = FRAME_MS // 2
"""Ticks come a little early or late. Each shall find one frame to send, not none and then two."""


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """`capacity_frames` bound an utterance, `capacity_utterances` how many wait; both are back-pressure.

    `history_frames`: how much of what was sent is kept, to go back to after a hold.
    """

    rate_hz: int = 24_000
    lead_ms: int = 60
    hold_mode: Literal["silence", "duck"] = "silence"
    capacity_frames: int = 150
    capacity_utterances: int = 8
    history_frames: int = 100

    def __post_init__(self) -> None:
        most_frames = min(self.capacity_frames, self.history_frames) - 1
        if not FRAME_MS <= self.lead_ms <= most_frames * FRAME_MS:
            raise ValueError(
                f"lead_ms is {self.lead_ms}; it must hold a frame, {FRAME_MS} ms, and at most one less than may wait "
                f"and than are kept, {most_frames}"
            )


@dataclass(frozen=True, slots=True)
class Utterance:
    """Announces speech to come: a sentence of an item (an assistant's message) of a reply (its epoch)."""

    utterance_id: str
    item_id: str
    epoch: int
    script: Script


@dataclass(frozen=True, slots=True)
class OutFrame:
    """A frame to be sent now."""

    item_id: str
    epoch: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Played:
    """What a tick brought about. `started`: items whose first frame is among `frames`; `drained`: items heard whole."""

    frames: tuple[OutFrame, ...] = ()
    started: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeardItem:
    """What was heard of an item: samples, and its text up to `text_offset` in code points."""

    item_id: str
    samples: int
    text_offset: int


@dataclass(frozen=True, slots=True)
class SentItem:
    """What was sent of an item: `ms` of audio, repeated parts included, and its text up to `text_offset`."""

    item_id: str
    ms: int
    text_offset: int


_NOTHING = Played()


class Playout:
    """One listener's audio."""

    def __init__(self, settings: PlayoutSettings | None = None) -> None:
        self._settings = settings or PlayoutSettings()
        self._format = PcmFormat(self._settings.rate_hz)
        self._lines: dict[str, UtteranceLine] = {}
        self._items = Items()
        self._unheard: deque[Run] = deque()
        self._epoch = 0
        self._due_ms = 0
        self._client_delay_ms = 0
        self._held = False
        self._held_frame = 0
        self._silent = False
        self._gain = 1.0
        self._flowing = False
        self._starved = False
        self.stats = PlayoutStats()

    # ---------------------------------------------------------------- making speech

    @property
    def can_open(self) -> bool:
        """Whether one more utterance may wait."""
        return len(self._lines) < self._settings.capacity_utterances

    def open(self, utterance: Utterance) -> bool:
        """Puts an utterance behind those that wait; False if its epoch is stale, or its item was truncated."""
        known = self._items.find(utterance.item_id)
        if utterance.epoch < self._epoch or (known is not None and known.truncated):
            return False
        if not self.can_open:
            raise Full(f"{len(self._lines)} utterances wait to be heard; open another one once `can_open` says so")
        line = UtteranceLine(utterance.utterance_id, utterance.item_id, utterance.epoch, utterance.script, self._format)
        self._items.opened(utterance.item_id, utterance.epoch).lines.append(line)
        self._lines[utterance.utterance_id] = line
        return True

    def room_frames(self, utterance_id: str) -> int:
        """How many frames may be pushed now."""
        line = self._lines.get(utterance_id)
        return 0 if line is None else self._settings.capacity_frames - line.waiting_frames

    def is_open(self, utterance_id: str) -> bool:
        """Whether an utterance still takes frames: it was neither closed nor flushed."""
        line = self._lines.get(utterance_id)
        return line is not None and not line.closed

    def push(self, utterance_id: str, frame: Frame) -> bool:
        """Appends a frame to an utterance; False if that was flushed."""
        line = self._lines.get(utterance_id)
        if line is None or line.closed:
            return False
        if len(frame.pcm) != self._format.frame_bytes:
            raise BadFormat(
                f"a frame of {len(frame.pcm)} bytes; 20 ms at {self._format.rate_hz} Hz are {self._format.frame_bytes}"
            )
        if line.waiting_frames >= self._settings.capacity_frames:
            raise Full(f"{line.waiting_frames} frames of the utterance wait to be heard; wait until there is room")
        line.push(frame)
        return True

    def mark(self, utterance_id: str, mark: TextMark | Handover) -> None:
        """Notes where a word of an utterance begins, or that another engine goes on with it."""
        line = self._lines.get(utterance_id)
        if line is not None:
            line.mark(mark) if isinstance(mark, TextMark) else line.splice(mark)

    def close(self, utterance_id: str, *, broken: bool = False) -> None:
        """No more frames of the utterance will come. `broken`: although not all of it was said."""
        line = self._lines.get(utterance_id)
        if line is not None:
            line.closed, line.broken = True, broken
            self._retire_if_sent(line)

    def close_item(self, item_id: str) -> None:
        """No more utterances of the item will come."""
        item = self._items.find(item_id)
        if item is not None:
            item.closed = True

    # ------------------------------------------------------------------- sending it

    @property
    def idle(self) -> bool:
        """Whether a tick would do nothing: nothing is to be sent, and all that was sent was heard."""
        return not self._lines and self._items.settled

    @property
    def held(self) -> bool:
        """Whether speech is held."""
        return self._held

    def tick(self, now_ms: int) -> Played:
        """Says what to send now, and what was heard whole."""
        self.stats.note_tick(now_ms)
        self._advance(now_ms)
        frames, started = self._silence(now_ms) if self._held and self._silences() else self._speak(now_ms)
        drained = () if self._items.settled else self._items.settle()
        if not self._lines:
            self.stats.rest()
        return Played(frames, started, drained) if frames or drained else _NOTHING

    def hold(self, now_ms: int) -> None:
        """Silences (or ducks) speech from the next tick on."""
        if self._held:
            return
        self._advance(now_ms)
        line = self._next_line()
        self._held = True
        self._held_frame = 0 if line is None else line.cursor
        if self._unheard:
            run = self._unheard[0]
            self._held_frame = run.frame_at(now_ms - self._client_delay_ms) if run.line is line else 0

    def resume(self) -> None:
        """Goes on where the hold began, at a word's start."""
        self._held = False
        if not self._silent:
            return
        self._silent = False
        line = self._next_line()
        if line is not None and line.cursor:
            line.rewind(self._held_frame)
        else:
            self._gain = 1.0

    def flush(self, epoch: int, now_ms: int) -> tuple[HeardItem, ...]:
        """Drops everything below `epoch`, now and when it arrives later; says what was heard of it."""
        self._advance(now_ms)
        self._epoch = max(self._epoch, epoch)
        dropped = tuple(_heard(item) for item in self._items.drop_below(epoch))
        for line in [line for line in self._lines.values() if line.epoch < epoch]:
            self._drop(line)
        self._unheard = deque(run for run in self._unheard if run.line.epoch >= epoch)
        self._due_ms = self._due_ms if self._unheard else now_ms
        self._gain, self._flowing = 1.0, False
        self._held = self._silent = self._starved = False
        return dropped

    # ---------------------------------------------------------------- what was heard

    def heard(self, item_id: str, now_ms: int) -> HeardItem:
        """What was heard of an item until now."""
        self._advance(now_ms)
        return _heard(self._items.known(item_id))

    def sent(self, item_id: str) -> SentItem:
        """How much of an item was sent until now, and how far in its text that is."""
        item = self._items.known(item_id)
        line = item.log.runs[-1].line
        offset = line.offset_at(line.cursor * self._format.frame_samples)
        return SentItem(item_id, item.log.frames * FRAME_MS, offset)

    def truncate(self, item_id: str, audio_end_ms: int) -> HeardItem:
        """A client says that it played an item for so long, and no longer: what is left of it is dropped."""
        item = self._items.known(item_id)
        sent_ms = item.log.frames * FRAME_MS
        if not 0 <= audio_end_ms <= sent_ms:
            raise BadRequest(
                f"audio_end_ms is {audio_end_ms}, but {sent_ms} ms of {item_id} were sent", subject="audio_end_ms"
            )
        for line in [line for line in self._lines.values() if line.item_id == item_id]:
            self._drop(line)
        item.truncated = True
        self._unheard = deque(run for run in self._unheard if run.line.item_id != item_id)
        item.log.hear(audio_end_ms * self._format.rate_hz // 1000, self._format.frame_samples)
        return _heard(item)

    def report_played(self, item_id: str, played_ms: int, now_ms: int) -> None:
        """A client says that it has played an item for so long and goes on: that tells its delay."""
        item = self._items.find(item_id)
        due_ms = None if item is None else item.log.due_ms(played_ms)
        if due_ms is not None:
            self._client_delay_ms = min(max(0, now_ms - due_ms), MAX_CLIENT_DELAY_MS)

    # ---------------------------------------------------------------------- helpers

    def _next_line(self) -> UtteranceLine | None:
        return next(iter(self._lines.values()), None)

    def _silences(self) -> bool:
        """Whether a hold means silence: always, but for ducked speech that has begun."""
        line = self._next_line()
        begun = line is None or self._items.known(line.item_id).log.frames > 0
        return self._settings.hold_mode == "silence" or not begun

    def _speak(self, now_ms: int) -> tuple[tuple[OutFrame, ...], tuple[str, ...]]:
        frames: list[OutFrame] = []
        started: list[str] = []
        while self._due_ms + FRAME_MS <= now_ms + _EARLY_MS + self._settings.lead_ms:
            line = self._next_line()
            if line is None or not self._flows(line, now_ms):
                break
            item = self._items.known(line.item_id)
            self._catch_up(item, line, now_ms)
            if not item.log.frames:
                started.append(item.item_id)
            frames.append(self._send_next(item, line))
            self._retire_if_sent(line)
        return tuple(frames), tuple(started)

    def _flows(self, line: UtteranceLine, now_ms: int) -> bool:
        """Whether there is something to send; after the listener ran out, not before the lead can be filled again."""
        if not line.waiting_frames:
            self._starved = line.cursor > 0 and self._due_ms <= now_ms
            return False
        more_will_come = line.cursor > 0 and not line.closed
        if self._starved and more_will_come and line.waiting_frames * FRAME_MS < self._settings.lead_ms:
            return False
        self._starved = False
        return True

    def _catch_up(self, item: ItemAudio, line: UtteranceLine, now_ms: int) -> None:
        """If the listener has run out of audio, what comes next is heard from now on."""
        gap_ms = now_ms - self._due_ms
        if gap_ms <= 0:
            return
        self._due_ms = now_ms
        if self._flowing and item.log.frames:
            self.stats.note_gap(gap_ms, within_utterance=line.cursor > 0)

    def _send_next(self, item: ItemAudio, line: UtteranceLine) -> OutFrame:
        run = self._unheard[-1] if self._unheard else None
        if run is not None and run.continued_by(line, line.cursor, self._due_ms):
            run.count += 1
        else:
            self._unheard.append(item.log.start_run(line, line.cursor, self._due_ms, audible=True))
        self._flowing = True
        gain = DUCK_GAIN if self._held else 1.0
        return self._sent(item, line.take(self._settings.history_frames), gain)

    def _silence(self, now_ms: int) -> tuple[tuple[OutFrame, ...], tuple[str, ...]]:
        """Fades out in the first tick of a hold, where there is something to fade, and is silent from then on."""
        first, self._silent = not self._silent, True
        line = self._next_line()
        if not first or line is None or not line.waiting_frames or not line.cursor or self._due_ms <= now_ms:
            frames: tuple[OutFrame, ...] = ()
        else:
            item = self._items.known(line.item_id)
            self._unheard.append(item.log.start_run(line, line.cursor, self._due_ms, audible=False))
            frames = (self._sent(item, line.peek(), 0.0),)
        self._gain, self._flowing = 0.0, False
        return frames, ()

    def _sent(self, item: ItemAudio, pcm: bytes, gain: float) -> OutFrame:
        if self._gain != gain or gain != 1.0:
            pcm = ramped(pcm, self._format.rate_hz, self._gain, gain)
            self._gain = gain
        item.log.frames += 1
        self._due_ms += FRAME_MS
        self.stats.frames_sent += 1
        return OutFrame(item.item_id, item.epoch, pcm)

    def _retire_if_sent(self, line: UtteranceLine) -> None:
        if line.all_sent:
            self._drop(line)

    def _drop(self, line: UtteranceLine) -> None:
        del self._lines[line.utterance_id]
        line.forget_audio()

    def _advance(self, now_ms: int) -> None:
        """Moves what was heard up to now."""
        heard_until_ms = now_ms - self._client_delay_ms
        while self._unheard:
            run = self._unheard[0]
            run.hear((heard_until_ms - run.due_ms) * self._format.rate_hz // 1000, self._format.frame_samples)
            if heard_until_ms < run.due_ms + run.count * FRAME_MS:
                break
            self._unheard.popleft()


def _heard(item: ItemAudio) -> HeardItem:
    return HeardItem(item.item_id, item.heard_samples, item.heard_offset)
