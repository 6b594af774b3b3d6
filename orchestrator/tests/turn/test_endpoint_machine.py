"""Whatever the probabilities, turns begin, pause, go on and end in order, and end in bounded time."""

from __future__ import annotations

from antiphon_orchestrator.turn.endpoint import (
    WINDOW_SAMPLES,
    AskDetector,
    Endpoint,
    EndpointEvent,
    EndpointSettings,
    EndReason,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnFinished,
)
from antiphon_orchestrator.turn.last_words import LastWords
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

MAX_TURN = 100 * WINDOW_SAMPLES
CHOICES = [
    EndpointSettings(max_turn_samples=MAX_TURN),
    EndpointSettings.server_vad(),
    EndpointSettings.server_vad(threshold=0.9, silence_duration_ms=64),
    EndpointSettings.semantic_vad("high"),
]


class EndpointMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.endpoint = Endpoint()
        self.end = 0
        self.asked: list[int] = []
        self.phase: type[EndpointEvent] = TurnFinished
        self.position = 0

    @initialize(chosen=st.sampled_from(CHOICES))
    def configured(self, chosen: EndpointSettings) -> None:
        self.endpoint.configure(chosen)

    def check(self, events: tuple[EndpointEvent, ...]) -> None:
        for event in events:
            allowed = {
                TurnFinished: (SpeechStarted,),
                SpeechStarted: (SpeechPaused,),
                SpeechPaused: (AskDetector, SpeechResumed, TurnFinished),
                AskDetector: (AskDetector, SpeechResumed, TurnFinished),
                SpeechResumed: (SpeechPaused,),
            }[self.phase]
            assert isinstance(event, allowed), f"{event} after {self.phase}"
            self.phase = type(event)
            self.check_positions(event)

    def check_positions(self, event: EndpointEvent) -> None:
        match event:
            case SpeechStarted(speech, audio):
                assert self.position <= audio <= speech < self.end
                self.position = speech
            case SpeechPaused(silent, length):
                assert self.position + length == silent <= self.end
                self.position = silent
            case SpeechResumed(speech):
                assert self.position <= speech < self.end
                self.position = speech
            case AskDetector(at):
                assert self.position < at == self.end
                self.asked.append(at)
            case TurnFinished(audio, silent, end):
                assert audio <= silent <= end == self.end
                self.position = end

    @rule(probability=st.floats(0, 1), count=st.integers(1, 12))
    def hear(self, probability: float, count: int) -> None:
        for _ in range(count):
            self.end += WINDOW_SAMPLES
            self.check(self.endpoint.on_window(probability, self.end))

    @rule(opinion=st.floats(0, 1), age=st.integers(0, 2))
    def the_detector_answers(self, opinion: float, age: int) -> None:
        if len(self.asked) > age:
            self.check(self.endpoint.on_opinion(opinion, self.asked[-1 - age]))

    @rule(words=st.sampled_from(LastWords), age=st.integers(0, 20_000))
    def words_are_recognised(self, words: LastWords, age: int) -> None:
        self.endpoint.on_words(words, self.end - age)

    @rule(reason=st.sampled_from([EndReason.STALLED, EndReason.COMMITTED]))
    def ends_from_outside(self, reason: EndReason) -> None:
        self.check(self.endpoint.finish(reason))
        assert not self.endpoint.in_turn

    @rule()
    def is_reset(self) -> None:
        self.endpoint.reset()
        self.phase, self.position = TurnFinished, self.end

    @rule()
    def silence_ends_every_turn(self) -> None:
        for _ in range(3_100 * 16 // WINDOW_SAMPLES + 1):
            self.hear(0.0, 1)
        assert not self.endpoint.in_turn

    @rule(chosen=st.sampled_from(CHOICES))
    def changes_its_mind(self, chosen: EndpointSettings) -> None:
        self.endpoint.configure(chosen)

    @invariant()
    def knows_whether_a_turn_is_under_way(self) -> None:
        assert self.endpoint.in_turn is (self.phase is not TurnFinished)


TestEndpointMachine = EndpointMachine.TestCase
TestEndpointMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
