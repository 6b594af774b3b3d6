"""Whatever is pushed, held and flushed in whatever order: a client hears each frame once, in order, and in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from antiphon_core.audio import FRAME_MS, Frame, TextMark
from antiphon_orchestrator.playout import OutFrame, Playout, PlayoutSettings, Utterance
from antiphon_orchestrator.utterance_line import MAX_BACK_FRAMES, SEARCH_FRAMES, Script
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

RATE_HZ = 8_000
FRAME_SAMPLES = 160
TEXT = "one two three four five six seven eight nine ten"
FARTHEST_BACK = max(MAX_BACK_FRAMES, SEARCH_FRAMES)


def frame_pcm(number: int) -> bytes:
    """All samples of frame `number` have the same level, by which it is known again."""
    return np.full(FRAME_SAMPLES, 100 + number, dtype="<i2").tobytes()


@dataclass
class Said:
    """An utterance as its maker sees it. `next`: the frame a listener should get next."""

    utterance_id: str
    item_id: str
    epoch: int
    pushed: int = 0
    next: int = 0
    closed: bool = False
    gone: bool = False


@dataclass
class Client:
    """Plays what it gets, without a buffer to speak of."""

    said: dict[str, list[Said]] = field(default_factory=dict)
    plays_until_ms: int = 0
    plays: list[tuple[int, Said | None, int]] = field(default_factory=list)
    rewound: bool = False
    again: Said | None = None
    heard_when_held: int = 0
    most_ahead: int = 10

    def line_of(self, item_id: str) -> Said | None:
        """What of an item is to be heard now."""
        lines = [one for one in self.said[item_id] if not one.gone and not self._is_over(one)]
        return lines[0] if lines else None

    def _is_over(self, line: Said) -> bool:
        return line.closed and line.next == line.pushed and line is not self.again

    def next_line(self) -> Said | None:
        """What is to be heard now."""
        current = [line for item_id in self.said if (line := self.line_of(item_id)) is not None]
        return current[0] if current else None

    def note_hold(self, now_ms: int) -> None:
        """Remembers the frame that is being heard."""
        line = self.next_line()
        playing = [
            (whose, number) for start_ms, whose, number in self.plays if start_ms <= now_ms < start_ms + FRAME_MS
        ]
        self.heard_when_held = line.next if line is not None else 0
        if playing:
            whose, number = playing[0]
            self.heard_when_held = number if whose is line else 0

    def play(self, line: Said | None, number: int, now_ms: int) -> None:
        """Plays a frame after those it got before."""
        start_ms = max(self.plays_until_ms, now_ms)
        self.plays.append((start_ms, line, number))
        self.plays_until_ms = start_ms + FRAME_MS

    def get(self, frame: OutFrame, now_ms: int) -> None:
        line = self.line_of(frame.item_id)
        assert line is not None
        assert line.epoch == frame.epoch
        level = int(np.frombuffer(frame.pcm, "<i2").max())
        number = level - 100
        if self.rewound:
            assert number <= max(0, min(line.next, self.heard_when_held)), "it went on too late: something is lost"
            assert number >= line.next - FARTHEST_BACK - self.most_ahead, "it went back too far"
            line.next = number
        assert number == line.next < line.pushed, "a frame is missing, doubled or out of order"
        self.rewound, self.again = False, None
        line.next += 1
        self.play(line, number, now_ms)


class PlayoutMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 10_000
        self.epoch = 1
        self.count = 0
        self.said: list[Said] = []
        self.client = Client()
        self.closed_items: set[str] = set()
        self.drained: list[str] = []
        self.heard: dict[str, int] = {}
        self.held = self.faded = self.ever_faded = False

    @initialize(
        lead_ms=st.sampled_from([20, 60, 200]), capacity=st.sampled_from([11, 40]), history=st.sampled_from([11, 100])
    )
    def make(self, lead_ms: int, capacity: int, history: int) -> None:
        self.lead_ms = lead_ms
        self.playout = Playout(
            PlayoutSettings(
                rate_hz=RATE_HZ,
                lead_ms=lead_ms,
                capacity_frames=capacity,
                capacity_utterances=3,
                history_frames=history,
            )
        )

        self.flushed: dict[str, int] = {}
        self.say(True, 40)

    # ------------------------------------------------------------------ what is made

    @property
    def item_id(self) -> str:
        return f"item {self.epoch}.{len(self.closed_items)}"

    def open_lines(self) -> list[Said]:
        return [line for line in self.said if not line.closed and not line.gone]

    @rule(marked=st.booleans())
    def open(self, marked: bool) -> None:
        if not self.playout.can_open:
            return
        self.count += 1
        line = Said(f"u{self.count}", self.item_id, self.epoch)
        assert self.playout.open(Utterance(line.utterance_id, line.item_id, line.epoch, Script(TEXT)))
        self.said.append(line)
        self.client.said.setdefault(line.item_id, []).append(line)
        for word in range(10) if marked else ():
            self.playout.mark(line.utterance_id, TextMark(word * 4, 3, word * 700))

    @rule(data=st.data(), count=st.integers(1, 30))
    def push(self, data: st.DataObject, count: int) -> None:
        if not self.open_lines():
            return
        self.push_to(data.draw(st.sampled_from(self.open_lines())), count)

    def push_to(self, line: Said, count: int) -> None:
        for _ in range(min(count, self.playout.room_frames(line.utterance_id))):
            frame = Frame(line.pushed, frame_pcm(line.pushed), FRAME_SAMPLES)
            assert self.playout.push(line.utterance_id, frame)
            line.pushed += 1

    @rule(marked=st.booleans(), count=st.integers(0, 40))
    def say(self, marked: bool, count: int) -> None:
        """Makes an utterance whole, as far as there is room."""
        if self.playout.can_open:
            self.open(marked)
            self.push_to(self.said[-1], count)
            self.close_line(self.said[-1])

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        if self.open_lines():
            self.close_line(data.draw(st.sampled_from(self.open_lines())))

    def close_line(self, line: Said) -> None:
        self.playout.close(line.utterance_id)
        line.closed = True

    @rule()
    def close_item(self) -> None:
        lines = self.client.said.get(self.item_id, [])
        if lines and all(line.closed for line in lines):
            self.playout.close_item(self.item_id)
            self.closed_items.add(self.item_id)

    @rule(data=st.data())
    def push_to_what_is_gone(self, data: st.DataObject) -> None:
        gone = [line for line in self.said if line.gone]
        if gone:
            line = data.draw(st.sampled_from(gone))
            assert not self.playout.push(line.utterance_id, Frame(0, frame_pcm(0), FRAME_SAMPLES))
            assert not self.playout.open(Utterance("late", line.item_id, line.epoch, Script(TEXT)))

    # ------------------------------------------------------------------ what is played

    @rule(after_ms=st.sampled_from([0, 1, 5, 19, 20, 20, 20, 23, 60, 500]), count=st.integers(1, 10))
    def tick(self, after_ms: int, count: int) -> None:
        for _ in range(count):
            self.now_ms += after_ms
            self.tick_once()

    def tick_once(self) -> None:
        played = self.playout.tick(self.now_ms)
        if self.held:
            assert len(played.frames) <= (0 if self.faded else 1), "a hold is not silent"
            self.faded = True
            for frame in played.frames:
                self.ever_faded = True
                assert not np.frombuffer(frame.pcm, "<i2")[-80:].any()
                line = self.client.next_line()
                assert line is not None
                self.client.play(line, line.next, self.now_ms)
        else:
            for frame in played.frames:
                self.client.get(frame, self.now_ms)
        fade_ms = FRAME_MS if self.ever_faded else 0
        assert self.client.plays_until_ms - self.now_ms <= self.lead_ms + FRAME_MS // 2 + fade_ms
        for item_id in played.drained:
            assert item_id not in self.drained, "drained twice"
            assert item_id in self.closed_items
            assert all(line.next == line.pushed and line.closed for line in self.client.said.get(item_id, []))
            self.drained.append(item_id)

    @rule(count=st.integers(1, 30))
    def plays_on(self, count: int) -> None:
        self.tick(FRAME_MS, count)

    @rule(silent_ticks=st.sampled_from([0, 0, 1, 2, 30]))
    def hold_for_a_while(self, silent_ticks: int) -> None:
        self.hold()
        self.tick(FRAME_MS, silent_ticks)
        self.resume()

    @rule()
    def hold(self) -> None:
        self.playout.hold(self.now_ms)
        if not self.held:
            self.held, self.faded = True, False
            self.client.note_hold(self.now_ms)

    @rule()
    def resume(self) -> None:
        self.playout.resume()
        if self.held and self.faded:
            line = self.client.next_line()
            self.client.rewound = True
            # Some of it is heard again, even if no more of it comes.
            self.client.again = line if line is not None and line.next else None
        self.held = False

    @rule()
    def flush(self) -> None:
        self.epoch += 1
        heard = {item.item_id: item for item in self.playout.flush(self.epoch, self.now_ms)}
        for line in self.said:
            line.gone = line.gone or line.epoch < self.epoch
        for item_id, item in heard.items():
            self.flushed[item_id] = item.samples
        self.client.plays_until_ms = self.now_ms
        self.client.plays.clear()
        self.held = self.client.rewound = False
        self.client.again = None

    @rule()
    def everything_is_heard_in_the_end(self) -> None:
        self.resume()
        for line in self.open_lines():
            self.close_line(line)
        self.close_item()
        assert self.epoch_is_closed()
        for _ in range(600):
            if self.playout.idle:
                break
            self.now_ms += FRAME_MS
            self.tick_once()
        assert all(line.next == line.pushed for line in self.said if not line.gone)
        assert self.playout.idle

    def epoch_is_closed(self) -> bool:
        return all(line.gone or line.item_id in self.closed_items for line in self.said)

    # --------------------------------------------------------------------- what holds

    @invariant()
    def what_was_heard_was_sent_and_only_grows(self) -> None:
        for item_id, lines in self.client.said.items():
            heard = self.playout.heard(item_id, self.now_ms)
            assert self.heard.get(item_id, 0) <= heard.samples <= sum(line.pushed for line in lines) * FRAME_SAMPLES
            assert 0 <= heard.text_offset <= len(TEXT)
            assert heard.samples == self.flushed.get(item_id, heard.samples)
            self.heard[item_id] = heard.samples

    @invariant()
    def only_so_much_waits(self) -> None:
        assert sum(not line.gone and not line.closed for line in self.said) <= 3


TestPlayoutMachine = PlayoutMachine.TestCase
TestPlayoutMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
