from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from antiphon_core.errors import EngineFailed
from antiphon_core.testkit.clock import VirtualClock
from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.asr.turnaudio import TurnAudio
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedVad

WINDOW = ScriptedVad.window_samples
SENTENCE = "please turn the light off in the kitchen"
PAUSE_S = 0.2


@dataclass
class Room:
    """A user who speaks in real, virtual time, and the one who listens."""

    clock: VirtualClock
    asr: ScriptedAsr
    partials: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listening = Listening(
            self.asr, lambda text: self.partials.append((self.clock(), text)), lambda: self.clock() * 1000
        )
        self._vad = ScriptedVad()

    async def hear(self, audio: HeardSamples) -> None:
        """Window by window, the last one filled up with silence."""
        padded = np.concatenate([audio, voice.silence(-len(audio) % WINDOW)])
        for start in range(0, len(padded), WINDOW):
            window = padded[start : start + WINDOW]
            self.listening.feed(window, self._vad.probability(window) > 0.5)
            await self.clock.run_for(WINDOW / EARS_RATE_HZ)

    async def say(self, text: str) -> None:
        await self.hear(voice.speak(text))

    async def pause(self, seconds: float = PAUSE_S) -> None:
        await self.hear(voice.silence(int(seconds * EARS_RATE_HZ)))

    async def words(self, turn: TurnAudio, within_s: float = 10.0) -> str:
        final = asyncio.create_task(self.listening.final(turn))
        await self.clock.run_for(within_s)
        assert final.done(), f"nobody knows the words after {within_s} s"
        return final.result().text

    @property
    def heard(self) -> list[str | None]:
        return [call.text for call in self.asr.calls]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """The recogniser takes 50 ms, and 10 ms for a second of audio."""
    clock = VirtualClock()
    room = Room(clock, ScriptedAsr(cost_s=0.05, cost_per_s=0.01, sleep=clock.sleep))
    running = asyncio.create_task(room.listening.run())
    yield room
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert room.asr.running == 0


class TestPartials:
    async def test_the_words_are_told_while_they_are_said(self, room: Room) -> None:
        room.listening.begin(0)
        await room.say(SENTENCE)
        texts = [text for _, text in room.partials]
        assert len(texts) >= 3
        assert all(SENTENCE.startswith(text) for text in texts)
        assert texts == sorted(texts, key=len)

    async def test_the_first_one_comes_after_300_ms_of_speech_and_what_it_costs(self, room: Room) -> None:
        room.listening.begin(0)
        await room.pause(0.5)
        await room.say(SENTENCE)
        assert 0.8 <= room.partials[0][0] < 0.95

    async def test_none_is_made_of_silence(self, room: Room) -> None:
        room.listening.begin(0)
        await room.pause(5)
        assert room.asr.calls == []

    async def test_none_is_made_without_a_turn(self, room: Room) -> None:
        await room.say(SENTENCE)
        assert room.asr.calls == []

    async def test_they_take_a_quarter_of_the_time_at_most_however_slow_the_recogniser(self, room: Room) -> None:
        room.asr.cost_s = 0.5
        room.listening.begin(0)
        await room.say(SENTENCE * 5)
        spoken_s = room.clock()
        assert 2 <= len(room.asr.calls) <= spoken_s / (4 * 0.5) + 1

    async def test_nobody_waits_behind_them(self, room: Room) -> None:
        room.listening.begin(0)
        await room.say(SENTENCE)
        assert {call.urgent for call in room.asr.calls} == {False}

    async def test_the_same_words_are_told_once(self, room: Room) -> None:
        room.listening.begin(0)
        await room.say("hello" + voice.COUGH * 40)
        assert [text for _, text in room.partials] == ["hello"]

    async def test_that_nothing_was_understood_is_told_too(self, room: Room) -> None:
        room.listening.begin(0)
        await room.say(voice.COUGH * 40)
        assert [text for _, text in room.partials] == [""]

    async def test_a_failing_recogniser_is_left_alone_for_a_second_and_tried_again(self, room: Room) -> None:
        room.asr.fail(EngineFailed("no"))
        room.listening.begin(0)
        await room.say(SENTENCE)
        assert room.partials
        assert room.partials[0][0] >= 1.3


class TestTheFinalWords:
    async def test_they_are_all_that_was_said(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say(SENTENCE)
        await room.pause()
        room.listening.commit()
        assert await room.words(turn) == SENTENCE

    async def test_recognised_on_trial_at_a_pause_they_are_free_at_the_end_of_the_turn(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say(SENTENCE)
        await room.pause(0.1)
        assert await room.words(turn) == SENTENCE
        calls = len(room.asr.calls)
        await room.pause(1)
        room.listening.commit()
        assert await room.words(turn, within_s=0) == SENTENCE
        assert len(room.asr.calls) == calls

    async def test_a_trial_that_nobody_waits_for_any_more_serves_the_next_who_asks(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("hello there")
        await room.pause(0.1)
        trial = asyncio.create_task(room.listening.final(turn))
        await asyncio.sleep(0)
        trial.cancel()
        await room.pause(0.1)
        calls = len(room.asr.calls)
        assert await room.words(turn) == "hello there"
        assert len(room.asr.calls) == calls

    async def test_two_who_wait_share_one_recognition(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("hello there")
        await room.pause(0.1)
        calls = len(room.asr.calls)
        both = asyncio.gather(room.listening.final(turn), room.listening.final(turn))
        await room.clock.run_for(0.2)
        assert [one.text for one in both.result()] == ["hello there"] * 2
        assert len(room.asr.calls) <= calls + 1

    async def test_they_include_what_was_said_after_a_pause(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("turn the light off")
        await room.pause(0.4)
        assert await room.words(turn) == "turn the light off"
        await room.say(" in the kitchen")
        await room.pause(0.1)
        assert await room.words(turn) == "turn the light off in the kitchen"

    async def test_a_partial_that_lacks_the_last_words_makes_way(self, room: Room) -> None:
        room.asr.cost_s = 1.0
        turn = room.listening.begin(0)
        await room.say("hello there")
        await room.pause(0.1)
        assert room.asr.running == 1
        began_s = room.clock()
        final = asyncio.create_task(room.listening.final(turn))
        await room.clock.run_for(1.1)
        assert final.result().text == "hello there"
        assert room.asr.running == 0
        assert room.heard == [None, "hello there"]
        assert room.asr.calls[-1].urgent
        assert began_s < 1

    async def test_silence_has_none_and_costs_nothing(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.pause(2)
        assert await room.words(turn, within_s=0) == ""
        assert room.asr.calls == []

    async def test_asked_for_in_the_middle_of_a_word_they_do_not_wait_for_more(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("hello there")
        assert await room.words(turn) == "hello there"

    async def test_a_turn_committed_in_the_middle_of_a_word_has_its_words(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("hello there")
        room.listening.commit()
        assert await room.words(turn) == "hello there"

    async def test_a_committed_turn_gets_its_words_while_the_next_one_is_spoken(self, room: Room) -> None:
        room.asr.cost_s = 0.3
        first = room.listening.begin(0)
        await room.say("what is the time")
        room.listening.commit()
        waiting = asyncio.create_task(room.listening.final(first))
        second = room.listening.begin(room.listening.position)
        await room.say("in Tokyo")
        await room.pause()
        assert waiting.done()
        assert waiting.result().text == "what is the time"
        assert await room.words(second) == "in Tokyo"

    async def test_the_recogniser_is_told_language_and_prompt(self, room: Room) -> None:
        room.listening.language, room.listening.prompt = "en", "lamps"
        turn = room.listening.begin(0)
        await room.say("hello")
        assert (await room.words(turn), room.asr.calls[-1].language, room.asr.calls[-1].prompt) == (
            "hello",
            "en",
            "lamps",
        )

    async def test_a_failure_reaches_who_waits_and_the_next_try_may_succeed(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.say("hello")
        await room.pause()
        await room.clock.run_for(1)
        turn = room.listening.begin(0)
        room.asr.fail(EngineFailed("out of memory"))
        with pytest.raises(EngineFailed, match="out of memory"):
            await room.words(turn)
        assert await room.words(turn) == "hello"

    async def test_a_discarded_turn_gives_what_is_known_and_stops_the_recogniser(self, room: Room) -> None:
        room.asr.cost_s = 5
        turn = room.listening.begin(0)
        await room.say("hello")
        waiting = asyncio.create_task(room.listening.final(turn))
        await room.clock.run_for(0.1)
        assert room.asr.running == 1
        room.listening.discard()
        await room.clock.run_for(0)
        assert waiting.result().text == ""
        assert room.asr.running == 0


class TestTheAudioOfATurn:
    async def test_it_begins_where_it_was_said_to_have_begun(self, room: Room) -> None:
        await room.say("a bad one ")
        await room.pause(0.64)
        position = room.listening.position
        await room.say("hello")
        turn = room.listening.begin(position)
        assert await room.words(turn) == "hello"

    async def test_it_cannot_begin_before_what_is_kept(self, room: Room) -> None:
        for _ in range(10):
            await room.say("x" * 25)
        turn = room.listening.begin(0)
        assert 45 <= len(await room.words(turn)) <= 50

    async def test_a_turn_begun_anew_forgets_the_one_before(self, room: Room) -> None:
        room.listening.begin(0)
        await room.say("hello")
        turn = room.listening.begin(room.listening.position)
        await room.say("there")
        assert await room.words(turn) == "there"

    async def test_who_feeds_may_use_their_buffer_again(self, room: Room) -> None:
        turn = room.listening.begin(0)
        buffer = voice.speak("hello").copy()
        room.listening.feed(buffer, speech=True)
        buffer.fill(0)
        assert await room.words(turn) == "hello"

    async def test_how_much_was_speech_is_known(self, room: Room) -> None:
        turn = room.listening.begin(0)
        await room.pause(0.96)
        await room.say("hello" * 8)
        await room.pause(0.96)
        assert turn.speech_samples == 40 * voice.CHARACTER_SAMPLES
        assert len(turn.recent()) == room.listening.position


class TestALongTurn:
    SENTENCES = tuple(
        f"this is sentence number {number} and it goes on and on and on for a while" for number in range(9)
    )

    async def test_all_of_it_is_understood_and_the_end_costs_no_more_than_a_short_turn(self, room: Room) -> None:
        turn = room.listening.begin(0)
        for sentence in self.SENTENCES:
            await room.say(sentence)
            await room.pause(0.3)
        calls = len(room.asr.calls)
        # The scripted voice speaks no space in a pause.
        assert (await room.words(turn)).replace(" ", "") == "".join(self.SENTENCES).replace(" ", "")
        assert sum(call.samples for call in room.asr.calls[calls:]) <= 11 * EARS_RATE_HZ
        assert room.partials[-1][1].startswith(self.SENTENCES[0])

    async def test_without_a_pause_it_is_cut_between_words(self, room: Room) -> None:
        room.asr.max_samples = 5 * EARS_RATE_HZ
        listening = Listening(room.asr, lambda text: None, lambda: room.clock() * 1000)
        running = asyncio.create_task(listening.run())
        turn = listening.begin(0)
        spoken = " ".join(self.SENTENCES[:3]).split()
        for word in spoken:
            listening.feed(np.concatenate([voice.speak(word), voice.silence(480)]), speech=True)
            await room.clock.run_for(len(word) * 0.04 + 0.03)
        final = asyncio.create_task(listening.final(turn))
        await room.clock.run_for(5)
        assert final.result().text.replace(" ", "") == "".join(spoken)
        running.cancel()


async def test_when_the_session_ends_its_recognition_ends_too() -> None:
    clock = VirtualClock()
    room = Room(clock, ScriptedAsr(cost_s=5, sleep=clock.sleep))
    running = asyncio.create_task(room.listening.run())
    room.listening.begin(0)
    await room.say(SENTENCE)
    assert room.asr.running == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert room.asr.running == 0
