"""One conversation: carries out what the floor decides, between ears, mind, mouth and one client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.session.answers import Answers
from antiphon_orchestrator.session.checks import check_voice
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.conversation import AssistantMessage, Conversation, UserMessage
from antiphon_orchestrator.session.hearing import Hearing
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.meter import Meter
from antiphon_orchestrator.session.mouth import Clock
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.past import Past, write_past
from antiphon_orchestrator.session.planner import Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.turn_settings import endpoint_settings, floor_settings
from antiphon_orchestrator.session.user_turns import UserTurns
from antiphon_orchestrator.session.watched import watched
from antiphon_orchestrator.turn import endpoint as ep
from antiphon_orchestrator.turn import events as fl
from antiphon_orchestrator.turn.floor import Floor, State

_TICK_S = 0.05
_STALL_MS = 1_000
"""A client that is in a turn and sends no audio for so long has stopped sending."""
_STOOD_STILL_MS = 250
"""Where nothing ran for so long, not even the tick, this process stood still, and not the caller."""

_RESTARTED = 1012
"""Clients connect again on it."""


class _Over(Exception):
    """Ends everything that a session has started."""


def _goodbye(cause: fl.Cause) -> tuple[int, str]:
    """With which code and words a client is hung up on."""
    if cause is fl.Cause.SERVER_ENDS:
        return _RESTARTED, "the server ends; connect again"
    return 1000, f"session limit: {cause.value}"


class Session:
    """Lives as long as one client's connection. `run` owns every task; all other methods return at once."""

    def __init__(
        self,
        parts: Parts,
        settings: SessionSettings,
        config: SessionConfig,
        outlet: Outlet,
        clock: Clock,
        session_id: str = "",
    ) -> None:
        self.id = session_id or new_id("sess")
        self.end_reason = ""
        self.config = config
        self.settings = settings
        self.conversation = Conversation(new_id("conv"))
        self.emit = outlet.event
        self._parts = parts = watched(parts)
        self._outlet = outlet
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._told: deque[fl.FloorEvent] = deque()
        self._state = State.IDLE
        self._last_audio_ms = self._ran_ms = clock()
        self._stood_still_ms = 0
        self._floor = Floor(floor_settings(config.audio.input.turn_detection, settings), clock())
        self._meter = Meter(parts.observer, clock)
        self._listening = Listening(parts.asr, self._on_partial, clock)
        hearing = Hearing(parts.new_vad(), ep.Endpoint(), self._listening, self._on_endpoint)
        self._turns = UserTurns(self, hearing, parts, self._meter)
        self._answers = Answers(self, parts, settings, outlet, self._turns, self._meter)
        self._actions: dict[type, Callable[[Any], object]] = {
            fl.Hold: lambda _: self._answers.hold(),
            fl.Recognise: lambda _: self.spawn(self._turns.recognise()),
            fl.Resume: lambda _: self._answers.resume(),
            fl.Interrupt: self._answers.interrupt,
            fl.StartSpeculation: self._answers.speculate,
            fl.DropSpeculation: self._answers.drop_speculation,
            fl.CommitTurn: lambda _: self._turns.commit(),
            fl.DiscardTurn: lambda _: self._turns.discard(),
            fl.Respond: self._answers.respond,
            fl.Continue: self._answers.continue_,
            fl.Refuse: lambda _: self._answers.refuse(),
            fl.Nudge: lambda _: self._nudge(),
            fl.Announce: self._announce,
            fl.Close: self._close,
        }
        self._apply_input()

    # ------------------------------------------------------------------------ life

    async def run(self) -> None:
        """Until the conversation is over; everything it started is over then too."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for work in (self._answers.run(), self._listening.run(), self._keep_time()):
                    self.spawn(work)
                self._answers.prepare()
                await self._over.wait()
                raise _Over
        except* _Over:
            pass
        finally:
            self._turns.close()

    def server_ends(self, within_ms: int = 0) -> None:
        """Ends with the turn that is under way, within so long at most."""
        self.tell(fl.ServerEnds(within_ms))

    def hang_up(self, reason: str = "hung_up") -> None:
        """The client is gone."""
        self.end_reason = self.end_reason or reason
        self.tell(fl.HungUp())
        self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether it takes nothing any more."""
        return self._over.is_set()

    def hear(self, samples: HeardSamples) -> None:
        """The client's next audio."""
        if self.is_over:
            return
        self._last_audio_ms = self._floor_ms()
        self._turns.hear(samples)

    def tell(self, event: fl.FloorEvent) -> None:
        """Tells the floor what happened and does what it says; what that brings about follows in order."""
        self._told.append(event)
        if len(self._told) > 1:
            return
        while self._told:
            for action in self._floor.on(self._told[0], self._floor_ms()):
                self._actions[type(action)](action)
            self._told.popleft()
        self._show_state()

    def _show_state(self) -> None:
        if self._floor.state is not self._state:
            self._state = self._floor.state
            self.emit("antiphon.state", state=self._state.value)
            if self._state in (State.IDLE, State.LISTENING) and not self.is_over:
                self._answers.prepare()
            if self._state is State.IDLE:  # a client may ask again at once; what is due is done before
                self.tell(fl.Tick(owing=self._client_owes))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts work that ends with the session at the latest."""
        assert self._tasks is not None, "a session works only while it runs"
        try:
            return self._tasks.create_task(work)
        except RuntimeError:  # it ends, because it failed or was cancelled, and takes nothing any more
            work.close()
            raise

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if self._turns.hearing.endpoint.in_turn and self._floor_ms() - self._last_audio_ms >= _STALL_MS:
                self._turns.hearing.stalled()
            self.tell(fl.Tick(owing=self._client_owes))

    def _floor_ms(self) -> int:
        """The clock without what we ourselves stood still: nobody was silent then, nor did anybody speak on."""
        now_ms = self._clock()
        if now_ms - self._ran_ms > _STOOD_STILL_MS:
            self._stood_still_ms += now_ms - self._ran_ms
        self._ran_ms = now_ms
        return now_ms - self._stood_still_ms

    def _on_endpoint(self, event: ep.EndpointEvent) -> None:
        self._turns.on_endpoint(event)

    def _on_partial(self, text: str) -> None:
        self._turns.on_partial(text)
        turn = self._turns.current
        if turn is not None and turn.words is None and not self.replying:
            self._answers.prepare(pending=text)

    # -------------------------------------------------- what others may know about it

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._state

    @property
    def counts(self) -> dict[str, int]:
        """What came to pass so far."""
        return dict(self._meter.counts)

    @property
    def now_ms(self) -> int:
        """What its clock says."""
        return self._clock()

    @property
    def language(self) -> str:
        """The language users speak, as far as it is known."""
        transcription = self.config.audio.input.transcription
        return (transcription.language if transcription else None) or self.settings.language

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what the user says."""
        return self.config.audio.input.transcription is not None

    @property
    def replying(self) -> bool:
        """Whether a reply is under way."""
        return self._answers.busy

    @property
    def saying(self) -> str:
        """The last few seconds of what we said."""
        return self._answers.saying

    @property
    def asking(self) -> bool:
        """Whether the last sentence of a reply is being spoken, and asks something."""
        return self._answers.asking

    @property
    def written(self) -> str:
        """What is kept of it, so that it can be resumed."""
        return write_past(Past(self.config, self.conversation), self._answers.heard_chars)

    # ------------------------------------------------------------ what clients may ask

    def configure(self, config: SessionConfig) -> None:
        """Takes a new configuration; an answer under way keeps its voice and format."""
        check_voice(config.audio.output.voice_name, self._parts.voices(), self.settings)
        is_new_format = config.audio.output.format != self.config.audio.output.format
        if is_new_format and self.replying:
            raise Refusal(
                "The output format cannot change while a response is in progress; cancel it or wait for its end.",
                code="invalid_value",
                param="session.audio.output.format",
            )
        self.config = config
        self.rethink()
        if is_new_format:
            self._answers.change_format()
        self._apply_input()

    def rethink(self) -> None:
        """What an answer is made from has changed: one prepared on trial is made anew once it counts."""
        self._answers.rethink()

    def respond(self, wish: Wish) -> None:
        """Asks the floor for an answer; refused by an error event while another one is under way."""
        if wish.voice:
            check_voice(wish.voice, self._parts.voices(), self.settings)
        self._answers.want(wish)

    def answer_aside(self, wish: Wish) -> None:
        """Answers in text and beside the conversation, whoever has the floor."""
        self._answers.answer_aside(wish)

    def cancel(self, response_id: str | None) -> bool:
        """Ends an answer; None: the one that has the floor. False if there is no such answer."""
        return self._answers.cancel(response_id)

    def wants_audio(self, wish: Wish) -> bool:
        """Whether the answer to this wish would be spoken."""
        return self.config.output_modalities == ["audio"] if wish.spoken is None else wish.spoken

    def recognise_item(self, item: UserMessage, audio: HeardSamples) -> None:
        """Writes down what a recording that was sent as an item says; answers wait for it."""
        self._turns.recognise_item(item, audio)

    @property
    def has_uncommitted_audio(self) -> bool:
        """Whether there is something to commit: 100 ms at least, as the protocol wants."""
        return self._turns.uncommitted_samples >= EARS_RATE_HZ // 10

    @property
    def _client_owes(self) -> bool:
        """Whether the client is about to go on: it runs a function, or is in the midst of a turn that it commits."""
        pressed = self.config.audio.input.turn_detection is None and self.has_uncommitted_audio
        return pressed or self.conversation.awaits_output

    @property
    def is_far_behind(self) -> bool:
        """Whether so much audio waits to be recognised that no more should be taken."""
        return self._turns.is_far_behind

    def truncate(self, item: AssistantMessage, audio_end_ms: int) -> None:
        """The client heard so much of an answer; what it did not hear leaves the history."""
        item.heard_chars = self._answers.heard_until(item.id, audio_end_ms)
        self.rethink()

    def played(self, item_id: str, audio_ms: int) -> None:
        """The client has played so much of an answer and goes on: that tells how far it lags behind."""
        self._answers.played(item_id, audio_ms)

    def _apply_input(self) -> None:
        hearing, config = self._turns.hearing, self.config.audio.input
        has_detector = self._parts.turn_detector is not None
        hearing.endpoint.configure(endpoint_settings(config.turn_detection, has_detector=has_detector))
        detecting = config.turn_detection is not None
        changed, hearing.detecting = detecting is not hearing.detecting, detecting
        self._floor.configure(floor_settings(config.turn_detection, self.settings))
        if changed:
            self._change_hands(detecting)
        self._listening.language = self.language
        self._listening.prompt = (config.transcription.prompt if config.transcription else None) or ""

    def _change_hands(self, detecting: bool) -> None:
        """From now on we find turns, or the client does: then what is being said stays, until it is committed."""
        self._turns.hearing.endpoint.reset()
        for action in self._floor.on(fl.ClearRequested(), self._floor_ms()):
            if detecting or not isinstance(action, fl.DiscardTurn):
                self._actions[type(action)](action)
        self._show_state()

    # ------------------------------------------------------- what the floor decides

    def _nudge(self) -> None:
        now_ms = self._turns.hearing.heard_ms
        self.emit(
            "input_audio_buffer.timeout_triggered", item_id=new_id("item"), audio_start_ms=now_ms, audio_end_ms=now_ms
        )

    def _announce(self, action: fl.Announce) -> None:
        self.emit(
            "antiphon.session.expiring",
            reason=action.cause.value,
            remaining_ms=action.remaining_ms,
            remaining_turns=action.remaining_turns,
        )

    def _close(self, action: fl.Close) -> None:
        self.end_reason = self.end_reason or action.cause.value
        if action.cause is not fl.Cause.HUNG_UP:
            self.emit("antiphon.session.closed", reason=action.cause.value)
            self._outlet.close(*_goodbye(action.cause))
        self._over.set()
