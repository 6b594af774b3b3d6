"""One answer on its way: think, cut into sentences, speak. Prepared on trial, or let go at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from antiphon_core.errors import AntiphonError
from antiphon_core.spans import NO_SPAN
from structlog.contextvars import bind_contextvars

from antiphon_orchestrator.playout import Utterance
from antiphon_orchestrator.ports import ChatDelta, ChatRequest, Llm, ToolCall, VoiceChoice
from antiphon_orchestrator.session.answer_spans import AnswerSpans
from antiphon_orchestrator.session.mouth import Events, Mouth
from antiphon_orchestrator.session.narrator import Ending, Narrator, Usage
from antiphon_orchestrator.speech.parallel import MOST_AHEAD, InTurn
from antiphon_orchestrator.turn.backchannel import ends_in_question
from antiphon_orchestrator.turn.segmenter import Segment, Segmenter, SegmenterSettings
from antiphon_orchestrator.turn.speakable import speakable
from antiphon_orchestrator.utterance_line import Script

_SENTENCES_AHEAD = 8
_PHRASE_WORDS = 4
"""So many words are spoken at once, where another phrase begins behind them."""
_IDLE_FLUSH_S = 0.35
"""A language model that pauses for so long leaves a listener waiting: what it gave is spoken."""

NewId = Callable[[str], str]
"""A fresh id with this prefix."""


@dataclass(slots=True)
class ReplyPlan:
    """What to answer. `text`: say exactly this; else the language model is asked."""

    epoch: int
    request: ChatRequest | None = None
    text: str = ""
    spoken: bool = True
    choice: VoiceChoice = field(default_factory=VoiceChoice)
    turn_id: str = ""
    apology: str = ""


@dataclass(frozen=True, slots=True)
class _Sentence:
    """What is to be said next, and what workers make of it."""

    text: str
    utterance: Utterance
    events: Events


class Reply:
    """Runs once. Whoever made it calls `release` when the answer counts, and cancels the task of `run` when not."""

    def __init__(
        self, plan: ReplyPlan, narrator: Narrator, mouth: Mouth, llm: Llm, session_id: str, new_id: NewId
    ) -> None:
        self.plan = plan
        self.narrator = narrator
        self.item_id = ""
        self.text = ""
        self.failure: AntiphonError | None = None
        self.audible = False
        self.sent_chars = 0
        self.drained = asyncio.Event()
        self.spans = AnswerSpans(NO_SPAN)
        self._mouth = mouth
        self._llm = llm
        self._session_id = session_id
        self._new_id = new_id
        self._released = asyncio.Event()
        self._turns = InTurn(lambda: mouth.idle_workers(plan.choice))
        self._sentences: asyncio.Queue[_Sentence | None] = asyncio.Queue(MOST_AHEAD)
        self._segments: asyncio.Queue[Segment | None] = asyncio.Queue(_SENTENCES_AHEAD)
        self._last_spoken = ""
        self._pushed = False
        self._mute = not plan.spoken
        self._ending = Ending()
        narrator.begin()

    @property
    def asks(self) -> bool:
        """Whether the answer ends in a question."""
        return ends_in_question(self.text)

    def speaks_last_sentence(self, text_offset: int) -> bool:
        """Whether what is heard at `text_offset` belongs to the answer's last sentence."""
        return text_offset >= len(self.text.rstrip()) - len(self._last_spoken.rstrip())

    def release(self) -> None:
        """The answer counts: tell the client, and play."""
        self.narrator.release()
        self._released.set()
        self._turns.release()

    async def run(self) -> Ending:
        """Prepares, and after `release` speaks. Returns how it ended once all was heard; the caller tells the end."""
        bind_contextvars(turn=self.plan.turn_id)
        async with asyncio.TaskGroup() as tasks:
            before = [tasks.create_task(self._think()), tasks.create_task(self._prepare())]
            try:
                await self._speak()
            finally:
                await self._turns.close()
            for task in before:
                task.cancel()
        await self._released.wait()
        if self._pushed:
            self._mouth.close_item(self.item_id)
            await self.drained.wait()
        if self.failure is not None:
            details = {"type": "server_error", "code": "response_failed", "message": self.failure.message}
            return Ending("failed", error=details)
        return self._ending

    # ------------------------------------------------------------------- thinking

    async def _think(self) -> None:
        segmenter = Segmenter(settings=SegmenterSettings(phrase_words=_PHRASE_WORDS))
        calls: dict[int, ToolCall] = {}
        try:
            if self.plan.request is None:
                await self._take(segmenter, self.plan.text)
            else:
                await self._ask(self.plan.request, segmenter, calls)
        except AntiphonError as error:
            self.failure = error
            calls.clear()  # half a call is none
            if self.plan.apology and self.plan.spoken:
                await self._take(segmenter, _broken_off(self.text) + self.plan.apology)
        for segment in segmenter.finish():
            await self._segments.put(segment)
        self._tell_calls(calls)
        await self._segments.put(None)

    async def _ask(self, request: ChatRequest, segmenter: Segmenter, calls: dict[int, ToolCall]) -> None:
        async with aclosing(self._llm.chat(request)) as deltas:
            async for delta in _or_idle(deltas, _IDLE_FLUSH_S):
                if delta is None:
                    for segment in segmenter.flush():
                        await self._segments.put(segment)
                    continue
                if delta.text:
                    await self._take(segmenter, delta.text)
                if delta.tool_call is not None:
                    calls[delta.tool_index] = _joined(calls.get(delta.tool_index), delta.tool_call)
                self._note_end(delta)

    async def _take(self, segmenter: Segmenter, text: str) -> None:
        if not self.item_id:
            text = text.lstrip()
            if not text:
                return
            self.item_id = self._new_id("item")
            self.narrator.open_message(self.item_id)
        self.text += text
        self.narrator.text(text)
        for segment in segmenter.push(text):
            await self._segments.put(segment)

    def _note_end(self, delta: ChatDelta) -> None:
        if delta.finish_reason == "length":
            self._ending = Ending("incomplete", "max_output_tokens")
        if delta.input_tokens or delta.output_tokens:
            self.narrator.usage = Usage(delta.input_tokens, delta.output_tokens)

    def _tell_calls(self, calls: dict[int, ToolCall]) -> None:
        if not calls:
            return
        self.narrator.close_message("completed")
        for _, call in sorted(calls.items()):
            self.narrator.call(self._new_id("item"), call)

    # ------------------------------------------------------------------- speaking

    async def _speak(self) -> None:
        """Says each sentence in its turn. When no voice can be had, the answer goes on in text."""
        while (sentence := await self._sentences.get()) is not None:
            if self._mute:
                continue
            self._last_spoken, self._pushed = sentence.text, True
            try:
                if not await self._mouth.say(sentence.utterance, sentence.events, self._released):
                    return
            except AntiphonError as error:
                self.failure, self._mute = error, True
                apology = self._utterance(Script("", sentence.utterance.script.origin(0)))
                await self._mouth.apologise(apology, self.plan.choice.rate_hz, self._released)

    async def _prepare(self) -> None:
        """Has what can be said made, now or in its turn."""
        while (segment := await self._segments.get()) is not None:
            script = speakable(segment)
            if self._mute or not script.text:
                continue
            utterance = self._utterance(script)
            events = self._mouth.events(utterance, self.plan.choice, self._session_id, self.plan.turn_id)
            await self._sentences.put(_Sentence(segment.text, utterance, self._turns.add(events)))
        await self._sentences.put(None)

    def _utterance(self, script: Script) -> Utterance:
        return Utterance(self._new_id("utt"), self.item_id, self.plan.epoch, script)


def _broken_off(text: str) -> str:
    """What belongs between a text that breaks off and an apology for it."""
    text = text.rstrip()
    return " " if not text or text.endswith((".", "!", "?", "…")) else "… "


def _joined(old: ToolCall | None, new: ToolCall) -> ToolCall:
    if old is None:
        return new
    return ToolCall(old.call_id or new.call_id, old.name + new.name, old.arguments + new.arguments)


async def _or_idle(deltas: AsyncGenerator[ChatDelta, None], idle_s: float) -> AsyncGenerator[ChatDelta | None, None]:
    """The deltas, and None whenever none came for `idle_s`."""
    coming: asyncio.Future[ChatDelta] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(deltas))
            done, _ = await asyncio.wait({coming}, timeout=idle_s)
            if not done:
                yield None
                continue
            finished, coming = coming, None
            try:
                yield finished.result()
            except StopAsyncIteration:
                return
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
