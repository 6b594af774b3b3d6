"""What a session answers: prepares, speaks, holds, drops and continues replies as the floor decides."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from antiphon_core.errors import BadRequest

from antiphon_orchestrator.playout import HeardItem, Played, Playout, PlayoutSettings
from antiphon_orchestrator.session.answer_spans import AnswerSpans
from antiphon_orchestrator.session.asides import Asides
from antiphon_orchestrator.session.attempts import Attempt, Attempts
from antiphon_orchestrator.session.meter import Meter
from antiphon_orchestrator.session.mouth import Mouth
from antiphon_orchestrator.session.narrator import Ending
from antiphon_orchestrator.session.outlet import Outlet
from antiphon_orchestrator.session.parts import Parts, SessionSettings
from antiphon_orchestrator.session.planner import Planner, Wish
from antiphon_orchestrator.session.refusal import Refusal
from antiphon_orchestrator.session.reply import Reply
from antiphon_orchestrator.session.surroundings import Surroundings
from antiphon_orchestrator.session.user_turns import UserTurn, UserTurns
from antiphon_orchestrator.turn import events as fl

log = structlog.get_logger(__name__)

_GAVE_WAY = Ending("cancelled", "turn_detected")
_CANCELLED = Ending("cancelled", "client_cancelled")
_STALLED = Ending(
    "failed",
    error={"type": "server_error", "code": "response_stalled", "message": "Nothing came of the response in time."},
)

_ECHO_CHARS = 60
"""About four seconds of speech."""


class Answers:
    """One session's."""

    def __init__(
        self,
        around: Surroundings,
        parts: Parts,
        settings: SessionSettings,
        outlet: Outlet,
        turns: UserTurns,
        meter: Meter,
    ) -> None:
        self._around = around
        self._settings = settings
        self._outlet = outlet
        self._turns = turns
        self._meter = meter
        self._llm = parts.llm
        self._tracer = parts.tracer
        self._reading: asyncio.Task[None] | None = None
        self._wish: Wish | None = None
        self._dropped: tuple[Reply, int] | None = None
        self._mouth = Mouth(self._new_playout(), parts, lambda: around.now_ms, self._on_played)
        self._attempts = Attempts(around.spawn, self._on_reply_ended, lambda _: around.tell(fl.TurnEmpty()))
        self._asides = Asides(around.spawn, self._tell_ending)
        self._planner = Planner(around.id, parts, settings, self._mouth, outlet.event)

    async def run(self) -> None:
        """Plays what is to be heard, until cancelled."""
        await self._mouth.run()

    @property
    def busy(self) -> bool:
        """Whether an answer that counts is under way, even before there is anything of it."""
        return self._attempts.busy

    @property
    def asking(self) -> bool:
        """Whether the last sentence of a reply is being spoken, and asks something."""
        reply = self._attempts.current
        if reply is None or not reply.audible or not reply.asks:
            return False
        return reply.speaks_last_sentence(self._mouth.playout.heard(reply.item_id, self._around.now_ms).text_offset)

    def prepare(self, pending: str = "") -> None:
        """Lets the language model read what it will be asked, as far as that is known; older wishes are void.

        `pending`: what the user has said by now.
        """
        request = self._planner.request(self._around.config, self._around.conversation, pending=pending)
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._around.spawn(self._llm.prepare(request))

    @property
    def saying(self) -> str:
        """The last few seconds of what we said."""
        reply = self._attempts.current
        if reply is None or not reply.audible:
            return ""
        heard = self._mouth.playout.heard(reply.item_id, self._around.now_ms).text_offset
        return reply.text[max(0, heard - _ECHO_CHARS) : heard + _ECHO_CHARS // 4]

    @property
    def heard_chars(self) -> dict[str, int]:
        """How far in its text the answer is that is being spoken, by its message."""
        reply = self._attempts.current
        return {} if reply is None or not reply.audible else {reply.item_id: reply.sent_chars}

    # ------------------------------------------------------------- what clients want

    def rethink(self) -> None:
        """What an answer is made from has changed: one prepared on trial is made anew once it counts."""
        self._attempts.drop_trials()

    def change_format(self) -> None:
        """The client's audio format is another one from now on."""
        self._mouth.playout = self._new_playout()

    def want(self, wish: Wish) -> None:
        """Asks the floor for an answer; refused by an error event while another one is under way."""
        self._wish = wish
        self._around.tell(fl.ResponseRequested())

    def answer_aside(self, wish: Wish) -> None:
        """Answers in text and beside the conversation, whoever has the floor."""
        self._asides.check_room()
        self._asides.start(self._planner.reply(0, self._around.config, self._around.conversation, wish))

    def cancel(self, response_id: str | None) -> bool:
        """Ends an answer; None: the one that has the floor. False if there is no such answer."""
        if self._asides.cancel(response_id):
            return True
        current = self._attempts.current
        if not self.busy or response_id not in (None, current.narrator.sheet.id if current is not None else None):
            return False
        self._around.tell(fl.CancelRequested())
        return True

    def heard_until(self, item_id: str, audio_end_ms: int) -> int:
        """The client heard so much of an answer and no more: how far in its text that is."""
        try:
            return self._mouth.playout.truncate(item_id, audio_end_ms).text_offset
        except BadRequest as error:
            if error.subject == "item_id" and audio_end_ms == 0:
                return 0  # nothing was sent, and nothing was heard
            raise

    def played(self, item_id: str, audio_ms: int) -> None:
        """The client has played so much of an answer, and goes on."""
        self._mouth.playout.report_played(item_id, audio_ms, self._around.now_ms)

    # ------------------------------------------------------- what the floor decides

    def hold(self) -> None:
        self._mouth.playout.hold(self._around.now_ms)
        reply = self._attempts.current
        if reply is not None and reply.audible:
            self._mouth.tick()  # the fade leaves now, not with the next tick
        self._meter.held()
        silent = self._settings.hold_mode == "silence"
        if reply is not None:
            reply.spans.event("held")
        self._tell_reply("antiphon.output.held", audio_start_ms=self._turns.start_ms, silent=silent)

    def resume(self) -> None:
        self._mouth.resume()
        self._meter.hold_ended("resumed")
        if (reply := self._attempts.current) is not None:
            reply.spans.event("resumed")
        self._tell_reply("antiphon.output.resumed")

    def interrupt(self, action: fl.Interrupt) -> None:
        """The audible stop, first of all; then what follows from it."""
        heard = {item.item_id: item for item in self._mouth.playout.flush(action.epoch, self._around.now_ms)}
        if action.cause is fl.Cause.USER:
            self._meter.hold_ended("interrupted")
            self._turns.tell_started()
        for attempt in self._attempts.drop_below(action.epoch):
            if attempt.reply is not None:
                self._cut_short(attempt.reply, heard.get(attempt.reply.item_id), action.cause)

    def speculate(self, action: fl.StartSpeculation) -> None:
        turn = self._turns.start_words()
        if turn is not None and action.reply and self._settings.speculate:
            self._attempt(action.epoch, turn, counts=False)

    def drop_speculation(self, action: fl.DropSpeculation) -> None:
        self._turns.drop_words()
        if self._attempts.drop(action.epoch):
            self._meter.trial_ended(used=False)

    def respond(self, action: fl.Respond) -> None:
        turn, self._turns.committed = self._turns.committed, None
        self._meter.answer_wanted(turn.silent_ms if turn is not None else None)
        if action.speculated and self._attempts.let_go(action.epoch):
            self._meter.trial_ended(used=True)
        else:
            self._attempt(action.epoch, turn, counts=True)

    def continue_(self, action: fl.Continue) -> None:
        """Says what was not heard of the reply that was dropped last."""
        if self._dropped is None:
            self._around.tell(fl.ReplyFinished(action.epoch))
            return
        (reply, chars), self._dropped = self._dropped, None
        rest = reply.text[chars:]
        attempt = Attempt(action.epoch, True, None, lambda _: self._say(action.epoch, rest))
        attempt.spans = self._new_spans(None, counts=True)
        self._attempts.start(attempt)

    def refuse(self) -> None:
        wish, self._wish = self._wish, None
        current = self._attempts.current
        name = f": {current.narrator.sheet.id}" if current is not None else ""
        error = Refusal(
            f"Conversation already has an active response in progress{name}. "
            "Wait until the response is finished before creating a new one, or cancel it.",
            code="conversation_already_has_active_response",
        )
        self._around.emit("error", error=error.as_error(wish.event_id if wish else None))

    # -------------------------------------------------------------------- helpers

    def _attempt(self, epoch: int, turn: UserTurn | None, *, counts: bool) -> None:
        wish, self._wish = self._wish, None

        def make(words: str | None) -> Reply:
            if words is None:
                return self._say(epoch, self._settings.apology)
            pending = words if turn is not None and turn.item is None else ""
            return self._planner.reply(epoch, self._around.config, self._around.conversation, wish, pending)

        words = turn.words if turn is not None else None
        after = tuple(self._turns.preparing)
        attempt = Attempt(epoch, counts, words, make, after, insists=wish is not None)
        attempt.spans = self._new_spans(turn, counts=counts)
        self._attempts.start(attempt)

    def _new_spans(self, turn: UserTurn | None, *, counts: bool) -> AnswerSpans:
        root = turn.span if turn is not None else self._tracer.begin("turn", session=self._around.id)
        spans = AnswerSpans(root.child("answer", prepared=not counts))
        if turn is None:
            root.end()  # it lasts as long as the answer
        if counts:
            spans.wanted()
        return spans

    def _say(self, epoch: int, text: str) -> Reply:
        return self._planner.say(epoch, self._around.config, self._around.conversation, text)

    def _cut_short(self, reply: Reply, heard: HeardItem | None, cause: fl.Cause) -> None:
        if reply.audible and cause is fl.Cause.USER and self._turns.onset_ms is not None:
            self._meter.voice_stopped(self._turns.onset_ms)
        heard_ms = heard.samples * 1000 // reply.plan.choice.rate_hz if heard is not None else 0
        reply.spans.event("interrupted", heard_ms=heard_ms)
        chars = heard.text_offset if heard is not None else len(reply.text) if reply.drained.is_set() else 0
        message = reply.narrator.message
        if message is not None and message.spoken:
            message.heard_chars = chars
            self._around.emit(
                "antiphon.output.interrupted",
                item_id=message.id,
                response_id=reply.narrator.sheet.id,
                audio_end_ms=heard_ms,
                transcript=message.heard,
            )
        endings = {fl.Cause.CLIENT: _CANCELLED, fl.Cause.STALLED: _STALLED}
        self._tell_ending(reply, endings.get(cause, _GAVE_WAY))
        self._dropped = (reply, chars)

    def _tell_reply(self, type_: str, **fields: Any) -> None:
        reply = self._attempts.current
        if reply is not None and reply.audible:
            self._around.emit(type_, item_id=reply.item_id, response_id=reply.narrator.sheet.id, **fields)

    def _tell_ending(self, reply: Reply, ending: Ending) -> None:
        if ending.error is not None:
            self._around.emit("error", error={**ending.error, "param": None, "event_id": None})
        reply.narrator.end(ending)
        self._meter.response_ended(ending.status)
        reply.spans.told(ending.status)
        said = {"text": reply.text} if self._settings.log_text else {}
        reply.spans.span.set(response=reply.plan.turn_id, **said)
        log.info("response", turn=reply.plan.turn_id, status=ending.status, reason=ending.reason, **said)

    def _on_played(self, played: Played) -> None:
        if played.frames:
            self._note_sent()
        for frame in played.frames:
            reply = self._attempts.reply_of_item(frame.item_id)
            if reply is not None:
                self._outlet.audio(reply.narrator.sheet, frame.item_id, frame.pcm)
        for item_id in played.started:
            if (reply := self._attempts.reply_of_item(item_id)) is not None:
                reply.audible = True
                reply.spans.audible()
                self._meter.audible()
                self._around.tell(fl.ReplyStarted(reply.plan.epoch))
        self._tell_spoken()
        for item_id in played.drained:
            if (reply := self._attempts.reply_of_item(item_id)) is not None:
                reply.drained.set()

    def _note_sent(self) -> None:
        gap_ms, reply = self._meter.sent(self._mouth.playout.stats), self._attempts.current
        if gap_ms and reply is not None:
            reply.spans.event("underrun", gap_ms=gap_ms)

    def _tell_spoken(self) -> None:
        """Where in the text the audio is that was sent by now, each time that is one word further."""
        reply = self._attempts.current
        if reply is None or not reply.audible:
            return
        sent = self._mouth.playout.sent(reply.item_id)
        if sent.text_offset != reply.sent_chars:
            reply.sent_chars = sent.text_offset
            self._around.emit(
                "antiphon.output.spoken", item_id=reply.item_id, audio_ms=sent.ms, text_chars=sent.text_offset
            )

    def _on_reply_ended(self, attempt: Attempt, ending: Ending) -> None:
        assert attempt.reply is not None
        self._tell_ending(attempt.reply, ending)
        self._around.tell(fl.ReplyFinished(attempt.epoch, attempt.reply.asks))

    def _new_playout(self) -> Playout:
        settings = self._settings
        rate_hz = self._around.config.audio.output.format.rate_hz
        return Playout(PlayoutSettings(rate_hz=rate_hz, lead_ms=settings.lead_ms, hold_mode=settings.hold_mode))
