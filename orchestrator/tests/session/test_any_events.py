"""Whatever a client sends in whatever order, and whichever models fail: no crash, nothing stuck, nothing left running.

`ANTIPHON_EXAMPLES=10000` tries so many sequences instead of a few.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pytest
from antiphon_core.errors import EngineFailed, WorkerGone
from antiphon_orchestrator.api.realtime.client_events import EVENT_TYPES
from antiphon_orchestrator.llm.errors import Kind, LlmFailed
from antiphon_orchestrator.ports import ToolCall
from antiphon_orchestrator.session.conversation import AssistantMessage
from antiphon_orchestrator.session.parts import SessionSettings
from antiphon_orchestrator.testing.llm import ScriptedLlm, Step
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from antiphon_orchestrator.testing.virtual_time import VirtualTimeLoop
from antiphon_orchestrator.testing.voice import COUGH, noise, silence, speak
from antiphon_orchestrator.testing.wire import Wire, wire
from antiphon_orchestrator.turn.floor import FloorSettings, State
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

EXAMPLES = int(os.environ.get("ANTIPHON_EXAMPLES", "60"))
CALL = ToolCall("call_1", "weather", "{}")
ANSWERS: list[list[Step]] = [
    ["Yes."],
    ["One two three four five. ", "Six seven eight? "],
    ["word " * 60],
    [0.7, "Slowly ", 0.5, "spoken."],
    [],
    [CALL],
    ["Look: ", CALL],
    [LlmFailed(Kind.FAILED, "no")],
    ["Half a sen", RuntimeError("a bug")],
    [5.0, "At last."],
]
SPEECHES = ["What time is it?", "and then", "mm-hm", "Stop!", COUGH * 8, "No, wait, tell me about Bern."]
ITEM_IDS = ["a", "b", "nowhere", "root"]
DETECTIONS = [
    None,
    {"type": "semantic_vad"},
    {"type": "semantic_vad", "create_response": False},
    {"type": "semantic_vad", "interrupt_response": False, "eagerness": "low"},
    {"type": "server_vad", "silence_duration_ms": 200, "idle_timeout_ms": 5_000},
]
NO_NUDGES = {"type": "server_vad", "idle_timeout_ms": None}
FORMATS = [{"type": "audio/pcm"}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "audio", "item", "role", "content", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PLAIN_EVENTS = (
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "output_audio_buffer.clear",
    "response.cancel",
)
NONSENSE = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    JSON.map(json.dumps),
    st.builds(
        lambda type_, fields: json.dumps({**fields, "type": type_}),
        st.sampled_from(EVENT_TYPES),
        st.dictionaries(st.sampled_from(["item", "x", "audio", "session", "response"]), JSON, max_size=2),
    ),
)
PAUSES_MS = st.sampled_from([0, 100, 300, 900, 2_500])


class AnyEvents(RuleBasedStateMachine):
    """One session and one client who does anything at all."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.mind = ScriptedLlm()
        self.speech = ScriptedSpeech(frames_before_error=7)
        self.stack = AsyncExitStack()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def send(self, type_: str, **fields: Any) -> None:
        self.do(self.client.send(type_, **fields))

    @initialize(speculate=st.booleans(), apology=st.sampled_from(["", "Sorry."]))
    def connect(self, speculate: bool, apology: str) -> None:
        settings_ = SessionSettings(speculate=speculate, apology=apology, max_items=40)
        self.client: Wire = self.do(
            self.stack.enter_async_context(wire(self.mind, settings=settings_, speech=self.speech))
        )

    # ------------------------------------------------------------------ the user

    @rule(text=st.sampled_from(SPEECHES), then_ms=PAUSES_MS)
    def speaks(self, text: str, then_ms: int) -> None:
        self.do(self.client.say(text))
        self.do(self.client.pause(then_ms))

    @rule(then_ms=PAUSES_MS)
    def asks(self, then_ms: int) -> None:
        self.do(self.client.say("What time is it?"))
        self.do(self.client.pause(then_ms))

    @rule()
    def sends_a_lot_at_once(self) -> None:
        self.do(self.client.append(np.concatenate((speak("Hello. "), silence(32_000), noise(8_000), speak("Bye")))))

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1, 1.0, 7.0]))
    def sends_nothing(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    # ---------------------------------------------------------------- the client

    @rule(type_=st.sampled_from([*PLAIN_EVENTS]))
    def sends_a_plain_event(self, type_: str) -> None:
        self.send(type_)

    @rule(
        response=st.sampled_from(
            [
                None,
                {"output_modalities": ["text"]},
                {"conversation": "none"},
                {"conversation": "none", "output_modalities": ["text"]},
                {"input": [], "instructions": "Be brief."},
                {"tool_choice": "required", "tools": [{"type": "function", "name": "weather"}]},
            ]
        )
    )
    def wants_an_answer(self, response: dict[str, Any] | None) -> None:
        self.send("response.create", response=response)

    @rule(
        item_id=st.sampled_from([None, *ITEM_IDS]), after=st.sampled_from([None, *ITEM_IDS]), text=st.text(max_size=9)
    )
    def writes(self, item_id: str | None, after: str | None, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item, previous_item_id=after)

    @rule()
    def sends_a_recording(self) -> None:
        content = [{"type": "input_audio", "audio": "AAAA" * 1_600}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    @rule(output=st.text(max_size=10))
    def returns_a_functions_output(self, output: str) -> None:
        item = {"type": "function_call_output", "call_id": "call_1", "output": output}
        self.send("conversation.item.create", item=item)

    @rule(end_ms=st.sampled_from([0, 100, 900, 10**9]), which=st.integers(-2, 2))
    def truncates(self, end_ms: int, which: int) -> None:
        spoken = [item.id for item in self.client.session.conversation if isinstance(item, AssistantMessage)]
        item_id = spoken[which % len(spoken)] if spoken else "nowhere"
        self.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms)

    @rule(type_=st.sampled_from(["conversation.item.delete", "conversation.item.retrieve"]), which=st.integers(-2, 2))
    def handles_an_item(self, type_: str, which: int) -> None:
        ids = [item.id for item in self.client.session.conversation] or ["nowhere"]
        self.send(type_, item_id=ids[which % len(ids)])

    @rule(detection=st.sampled_from(DETECTIONS))
    def changes_how_turns_are_taken(self, detection: dict[str, Any] | None) -> None:
        self.send("session.update", session={"audio": {"input": {"turn_detection": detection, "transcription": {}}}})

    @rule(format_=st.sampled_from(FORMATS), modality=st.sampled_from(["text", "audio", "audio", "audio"]))
    def changes_how_answers_come(self, format_: dict[str, Any], modality: str) -> None:
        self.send("session.update", session={"audio": {"output": {"format": format_}}})
        self.send("session.update", session={"output_modalities": [modality]})

    @rule(message=NONSENSE)
    def sends_nonsense(self, message: str | bytes) -> None:
        self.do(self.client.bridge.receive(message))

    # ---------------------------------------------------------------- the models

    @rule(answer=st.sampled_from(ANSWERS))
    def the_mind_will_say(self, answer: list[Step]) -> None:
        self.mind.will(answer)

    @rule(cost_s=st.sampled_from([0.0, 0.05, 1.5]), fails=st.booleans())
    def the_recogniser_is_bad(self, cost_s: float, fails: bool) -> None:
        self.client.asr.cost_s = cost_s
        if fails:
            self.client.asr.fail(EngineFailed("no"))

    @rule()
    def the_voice_fails(self) -> None:
        self.speech.fail(WorkerGone("it died"))

    # -------------------------------------------------------------------- the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "client"):
                self.do(self.still_answers())
                self.do(self.stack.aclose())
                assert self.mind.running == 0, "an answer was left running"
                left = asyncio.all_tasks(self.loop)
                assert not left, f"tasks were left behind: {left}"
        finally:
            for task in asyncio.all_tasks(self.loop):  # there are some only where something failed or took too long
                task.cancel()
            self.do(asyncio.sleep(0.1))
            self.loop.close()

    async def still_answers(self) -> None:
        """Nothing is stuck: once the models work again, all comes to an end and a question is answered.

        Sooner than the floor gives up on an answer, which would hide one that never ends.
        """
        self.mind.will_no_more()
        self.speech.fail_no_more()
        self.client.asr.fail_no_more()
        self.client.asr.cost_s = 0.05
        if self.client.session.config.audio.input.turn_detection is not None:
            await self.client.send("session.update", session={"audio": {"input": {"turn_detection": NO_NUDGES}}})
        await asyncio.sleep(FloorSettings().thinking_ms / 1000 - 10)
        assert not self.client.session.is_over
        assert self.client.session.state is State.IDLE
        await self.client.send("session.update", session={"audio": {"input": {"turn_detection": None}}})
        await self.client.send("session.update", session={"output_modalities": ["text"]})
        await self.client.send("input_audio_buffer.clear")
        ended = len(self.client.all("response.done"))
        await self.client.send("response.create", response={"instructions": "Say hello."})
        await asyncio.sleep(1)
        done = self.client.all("response.done")[ended:]
        assert [event["response"]["status"] for event in done] == ["completed"]


AnyEvents.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)
TestAnyEvents = pytest.mark.timeout(120 + EXAMPLES)(AnyEvents.TestCase)
