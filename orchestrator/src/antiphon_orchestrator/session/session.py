"""One conversation: carries out what the floor decides, between ears, mind, mouth and one client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from antiphon_orchestrator.asr.listening import Listening
from antiphon_orchestrator.playout import HeardItem, Played, Playout, PlayoutSettings
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples
from antiphon_orchestrator.session.attempts import Attempt, Attempts
from antiphon_orchestrator.session.config import SessionConfig
from antiphon_orchestrator.session.conversation import AssistantMessage, Conversation, Item, UserMessage
from antiphon_orchestrator.session.hearing import Hearing
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.mouth import Clock, Mouth
from antiphon_orchestrator.session.narrator import Ending
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.planner import Planner, Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.reply import Reply
from antiphon_orchestrator.session.turn_settings import endpoint_settings, floor_settings
from antiphon_orchestrator.session.user_turns import UserTurn, UserTurns
from antiphon_orchestrator.turn import endpoint as ep
from antiphon_orchestrator.turn import events as fl
from antiphon_orchestrator.turn.floor import Floor, State

_TICK_S = 0.05
_STALL_MS = 1_000
"""A client that is in a turn and sends no audio for so long has stopped sending."""


class Session:
    """Lives as long as one client's connection. `run` owns every task; all other methods return at once."""

    def __init__(
        self, parts: Parts, settings: SessionSettings, config: SessionConfig, outlet: Outlet, clock: Clock
    ) -> None:
        self.id = new_id("sess")
        self.config = config
        self.conversation = Conversation(new_id("conv"))
        self.emit = outlet.event
        self._parts = parts
        self._settings = settings
        self._outlet = outlet
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._told: deque[fl.FloorEvent] = deque()
        self._state = State.IDLE
        self._wish: Wish | None = None
        self._dropped: tuple[Reply, int] | None = None
        self._preparing: set[asyncio.Task[None]] = set()
        self._last_audio_ms = clock()
        detection = config.audio.input.turn_detection
        self._floor = Floor(floor_settings(detection, settings), clock())
        self._mouth = Mouth(self._new_playout(), parts.speech, clock, self._on_played)
        listening = Listening(parts.asr, self._on_partial, clock)
        hearing = Hearing(parts.new_vad(), ep.Endpoint(), listening, self._on_endpoint)
        self._turns = UserTurns(self, hearing, parts)
        self._attempts = Attempts(self.spawn, self._on_reply_ended, lambda _: self.tell(fl.TurnEmpty()))
        self._planner = Planner(self.id, parts, settings, self._mouth, outlet.event)
        self._actions: dict[type, Callable[[Any], object]] = {
            fl.Hold: self._hold,
            fl.Recognise: lambda _: self.spawn(self._turns.recognise()),
            fl.Resume: self._resume,
            fl.Interrupt: self._interrupt,
            fl.StartSpeculation: self._speculate,
            fl.DropSpeculation: self._drop_speculation,
            fl.CommitTurn: lambda _: self._turns.commit(),
            fl.DiscardTurn: lambda _: self._turns.discard(),
            fl.Respond: self._respond,
            fl.Continue: self._continue,
            fl.Refuse: lambda _: self._refuse(),
            fl.Nudge: lambda _: self._nudge(),
            fl.Announce: self._announce,
            fl.Close: self._close,
        }
        self._apply_turn_detection()

    # ------------------------------------------------------------------------ life

    async def run(self) -> None:
        """Until the conversation is over; everything it started is over then too."""
        async with asyncio.TaskGroup() as self._tasks:
            listening = self._turns.hearing.listening
            running = [self.spawn(work) for work in (self._mouth.run(), listening.run(), self._keep_time())]
            await self._over.wait()
            self._attempts.drop_all()
            self._turns.close()
            for task in running:
                task.cancel()

    def hang_up(self) -> None:
        """The client is gone, or the server ends."""
        self.tell(fl.HungUp())
        self._over.set()

    def hear(self, samples: HeardSamples) -> None:
        """The client's next audio."""
        self._last_audio_ms = self._clock()
        self._turns.hear(samples)

    def tell(self, event: fl.FloorEvent) -> None:
        """Tells the floor what happened and does what it says; what that brings about follows in order."""
        self._told.append(event)
        if len(self._told) > 1:
            return
        while self._told:
            for action in self._floor.on(self._told[0], self._clock()):
                self._actions[type(action)](action)
            self._told.popleft()
        if self._floor.state is not self._state:
            self._state = self._floor.state
            self.emit("antiphon.state", state=self._state.value)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts work that ends with the session at the latest."""
        assert self._tasks is not None, "a session works only while it runs"
        return self._tasks.create_task(work)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if self._turns.hearing.endpoint.in_turn and self._clock() - self._last_audio_ms >= _STALL_MS:
                self._turns.hearing.stalled()
            self.tell(fl.Tick())

    def _on_endpoint(self, event: ep.EndpointEvent) -> None:
        self._turns.on_endpoint(event)

    def _on_partial(self, text: str) -> None:
        self._turns.on_partial(text)

    # -------------------------------------------------------- what its parts may ask

    @property
    def language(self) -> str:
        """The language users speak, as far as it is known."""
        transcription = self.config.audio.input.transcription
        return (transcription.language if transcription else None) or self._settings.language

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what the user says."""
        return self.config.audio.input.transcription is not None

    @property
    def replying(self) -> bool:
        """Whether a reply is under way."""
        return self._attempts.busy

    @property
    def asking(self) -> bool:
        """Whether the last sentence of a reply is being spoken, and asks something."""
        reply = self._attempts.current
        if reply is None or not reply.audible or not reply.asks:
            return False
        return reply.speaks_last_sentence(self._mouth.playout.heard(reply.item_id, self._clock()).text_offset)

    @property
    def response_id(self) -> str | None:
        """The response under way."""
        reply = self._attempts.current
        return reply.narrator.sheet.id if reply is not None else None

    # ------------------------------------------------------------ what clients may ask

    def configure(self, config: SessionConfig) -> None:
        """Takes a new configuration; an answer under way keeps its voice and format."""
        self._check_voice(config.audio.output.voice_name)
        old, self.config = self.config, config
        if config.audio.output.format != old.audio.output.format:
            if self.replying:
                self.config = old
                raise Refusal(
                    "The output format cannot change while a response is in progress; cancel it or wait for its end.",
                    code="invalid_value",
                    param="session.audio.output.format",
                )
            self._mouth.playout = self._new_playout()
        if config.audio.input.turn_detection != old.audio.input.turn_detection:
            self._apply_turn_detection()

    def respond(self, wish: Wish) -> None:
        """Asks the floor for an answer; refused by an error event while another one is under way."""
        if wish.voice:
            self._check_voice(wish.voice)
        self._wish = wish
        self.tell(fl.ResponseRequested())

    def answer_aside(self, wish: Wish) -> None:
        """Answers in text and beside the conversation, whoever has the floor."""
        reply = self._planner.reply(0, self.config, self.conversation, wish)
        self.spawn(self._run_aside(reply))

    async def _run_aside(self, reply: Reply) -> None:
        reply.release()
        reply.narrator.end(await reply.run())

    def wants_audio(self, wish: Wish) -> bool:
        """Whether the answer to this wish would be spoken."""
        return self.config.output_modalities == ["audio"] if wish.spoken is None else wish.spoken

    def recognise_item(self, item: UserMessage, audio: HeardSamples) -> None:
        """Writes down what a recording that was sent as an item says; answers wait for it."""
        task = self.spawn(self._turns.recognise_item(item, audio))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    @property
    def has_uncommitted_audio(self) -> bool:
        """Whether there is something to commit: 100 ms at least, as the protocol wants."""
        return self._turns.uncommitted_samples >= EARS_RATE_HZ // 10

    def check_room_for(self, item: Item) -> None:
        """Refuses what would make the conversation too large."""
        chars, limit = item.characters, self._settings.max_item_chars
        if chars > limit:
            raise Refusal(
                f"The item has {chars} characters; at most {limit} are allowed.",
                code="string_above_max_length",
                param="item",
            )
        if len(self.conversation) >= self._settings.max_items:
            raise Refusal(
                f"The conversation has {len(self.conversation)} items, which is the most; delete some first.",
                code="too_many_items",
                param="item",
            )

    def truncate(self, item: AssistantMessage, audio_end_ms: int) -> None:
        """The client heard so much of an answer; what it did not hear leaves the history."""
        item.heard_chars = self._mouth.playout.truncate(item.id, audio_end_ms).text_offset

    def _check_voice(self, voice: str) -> None:
        known = self._parts.voices()
        wanted = self._settings.aliases.voice("", voice)
        models = {name.partition("/")[0] for name in known}
        if wanted and known and wanted not in known and wanted not in models:
            raise Refusal(
                f"Invalid value: '{voice}'. Supported values are: {', '.join(repr(name) for name in known)}.",
                code="invalid_value",
                param="session.audio.output.voice",
            )

    # ------------------------------------------------------- what the floor decides

    def _hold(self, _: fl.Hold) -> None:
        self._mouth.playout.hold(self._clock())
        self._tell_reply("antiphon.output.held")

    def _resume(self, _: fl.Resume) -> None:
        self._mouth.resume()
        self._tell_reply("antiphon.output.resumed")

    def _tell_reply(self, type_: str) -> None:
        reply = self._attempts.current
        if reply is not None and reply.audible:
            self.emit(type_, item_id=reply.item_id, response_id=reply.narrator.sheet.id)

    def _interrupt(self, action: fl.Interrupt) -> None:
        """The audible stop, first of all; then what follows from it."""
        heard = {item.item_id: item for item in self._mouth.playout.flush(action.epoch, self._clock())}
        if action.cause is fl.Cause.USER:
            self._turns.tell_started()
        for attempt in self._attempts.drop_below(action.epoch):
            if attempt.reply is not None:
                self._cut_short(attempt.reply, heard.get(attempt.reply.item_id), action.cause)

    def _cut_short(self, reply: Reply, heard: HeardItem | None, cause: fl.Cause) -> None:
        chars = heard.text_offset if heard is not None else 0
        message = reply.narrator.message
        if message is not None and message.spoken:
            message.heard_chars = chars
            self.emit(
                "antiphon.output.interrupted",
                item_id=message.id,
                response_id=reply.narrator.sheet.id,
                audio_end_ms=heard.samples * 1000 // reply.plan.choice.rate_hz if heard is not None else 0,
                transcript=message.heard,
            )
        reason = "client_cancelled" if cause is fl.Cause.CLIENT else "turn_detected"
        reply.narrator.end(Ending("cancelled", reason))
        self._dropped = (reply, chars)

    def _speculate(self, action: fl.StartSpeculation) -> None:
        turn = self._turns.start_words()
        if turn is not None and action.reply and self._settings.speculate:
            self._attempt(action.epoch, turn, counts=False)

    def _drop_speculation(self, action: fl.DropSpeculation) -> None:
        self._attempts.drop(action.epoch)
        self._turns.drop_words()

    def _respond(self, action: fl.Respond) -> None:
        turn, self._turns.committed = self._turns.committed, None
        if not (action.speculated and self._attempts.let_go(action.epoch)):
            self._attempt(action.epoch, turn, counts=True)

    def _attempt(self, epoch: int, turn: UserTurn | None, *, counts: bool) -> None:
        wish, self._wish = self._wish, None

        def make(words: str) -> Reply:
            pending = words if turn is not None and turn.item is None else ""
            return self._planner.reply(epoch, self.config, self.conversation, wish, pending)

        words = turn.words if turn is not None else None
        self._attempts.start(Attempt(epoch, counts, words, make, tuple(self._preparing)))

    def _continue(self, action: fl.Continue) -> None:
        if self._dropped is None:
            self.tell(fl.ReplyFinished(action.epoch))
            return
        (reply, chars), self._dropped = self._dropped, None
        rest = reply.text[chars:]

        def make(_: str) -> Reply:
            return self._planner.say(action.epoch, self.config, self.conversation, rest)

        self._attempts.start(Attempt(action.epoch, True, None, make))

    def _refuse(self) -> None:
        wish, self._wish = self._wish, None
        current = self._attempts.current
        name = f": {current.narrator.sheet.id}" if current is not None else ""
        error = Refusal(
            f"Conversation already has an active response in progress{name}. "
            "Wait until the response is finished before creating a new one, or cancel it.",
            code="conversation_already_has_active_response",
        )
        self.emit("error", error=error.as_error(wish.event_id if wish else None))

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
        if action.cause is not fl.Cause.HUNG_UP:
            self.emit("antiphon.session.closed", reason=action.cause.value)
            self._outlet.close(1000, f"session limit: {action.cause.value}")
        self._over.set()

    # ------------------------------------------------------------- what comes of it

    def _on_played(self, played: Played) -> None:
        for frame in played.frames:
            reply = self._attempts.reply_of_item(frame.item_id)
            if reply is not None:
                self._outlet.audio(reply.narrator.sheet, frame.item_id, frame.pcm)
        for item_id in played.started:
            if (reply := self._attempts.reply_of_item(item_id)) is not None:
                reply.audible = True
                self.tell(fl.ReplyStarted(reply.plan.epoch))
        for item_id in played.drained:
            if (reply := self._attempts.reply_of_item(item_id)) is not None:
                reply.drained.set()

    def _on_reply_ended(self, attempt: Attempt, ending: Ending) -> None:
        reply = attempt.reply
        assert reply is not None
        if ending.error is not None:
            self.emit("error", error={**ending.error, "param": None, "event_id": None})
        reply.narrator.end(ending)
        self.tell(fl.ReplyFinished(attempt.epoch, reply.asks))

    def _apply_turn_detection(self) -> None:
        detection = self.config.audio.input.turn_detection
        has_detector = self._parts.turn_detector is not None
        self._turns.hearing.endpoint.configure(endpoint_settings(detection, has_detector=has_detector))
        self._turns.hearing.detecting = detection is not None
        self._floor.configure(floor_settings(detection, self._settings))

    def _new_playout(self) -> Playout:
        settings = self._settings
        rate_hz = self.config.audio.output.format.rate_hz
        return Playout(PlayoutSettings(rate_hz=rate_hz, lead_ms=settings.lead_ms, hold_mode=settings.hold_mode))
