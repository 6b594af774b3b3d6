"""What the user says: tells the floor and the client when turns begin, pause and end, and what their words are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import structlog
from antiphon_core.errors import AntiphonError
from antiphon_core.spans import NO_SPAN, Span, current_span

from antiphon_orchestrator.asr.turnaudio import TurnAudio
from antiphon_orchestrator.asr.whole import spoken_pieces
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, TurnDetector
from antiphon_orchestrator.session.conversation import UserMessage
from antiphon_orchestrator.session.hearing import Hearing, milliseconds
from antiphon_orchestrator.session.ids import new_id
from antiphon_orchestrator.session.meter import Meter
from antiphon_orchestrator.session.parts import Parts
from antiphon_orchestrator.session.surroundings import Surroundings
from antiphon_orchestrator.turn import endpoint as ep
from antiphon_orchestrator.turn import events as fl
from antiphon_orchestrator.turn.backchannel import classify, word_count
from antiphon_orchestrator.turn.last_words import last_words

log = structlog.get_logger(__name__)

_MAX_UNRECOGNISED = 16
"""How many turns may wait for their words."""
_MAX_PREPARING_SAMPLES = 600 * EARS_RATE_HZ
"""How much audio of items may wait to be recognised."""


@dataclass(slots=True)
class UserTurn:
    """What the user is saying, or has said. `told`: the client knows that it began. `item`: it counts.

    `onset_ms`, `silent_ms`: when they began and stopped, by the session's clock. `words` gives None where they could
    not be recognised, and `failure` says why.
    """

    item_id: str
    start_sample: int
    audio: TurnAudio
    onset_ms: int = 0
    end_sample: int = 0
    silent_ms: int = 0
    told: bool = False
    text: str = ""
    words: asyncio.Task[str | None] | None = None
    failure: AntiphonError | None = None
    item: UserMessage | None = None
    span: Span = NO_SPAN


class UserTurns:
    """One session's."""

    def __init__(self, around: Surroundings, hearing: Hearing, parts: Parts, meter: Meter) -> None:
        self.hearing = hearing
        self._meter = meter
        self._around = around
        self._listening = hearing.listening
        self._parts = parts
        self.current: UserTurn | None = None
        self.committed: UserTurn | None = None
        self._free_from_sample = 0
        self._unrecognised = 0
        self.preparing: dict[asyncio.Task[None], int] = {}
        """Recordings that were sent as items: an answer waits until they are recognised. How long each is."""

    @property
    def onset_ms(self) -> int | None:
        """When the user began to say what they are saying, by the session's clock."""
        if self.current is None:
            return None
        return self._around.now_ms - milliseconds(self.hearing.heard_samples - self.current.start_sample)

    def close(self) -> None:
        """What is being said is not heard to its end."""
        if self.current is not None:
            self.current.span.set(outcome="hung_up")
            self.current.span.end()

    @property
    def start_ms(self) -> int:
        """Where in the user's audio what they are saying begins."""
        return milliseconds(self.hearing.heard_samples if self.current is None else self.current.start_sample)

    @property
    def is_far_behind(self) -> bool:
        """Whether so much waits to be recognised that no more should be taken."""
        return self._unrecognised >= _MAX_UNRECOGNISED or sum(self.preparing.values()) >= _MAX_PREPARING_SAMPLES

    @property
    def uncommitted_samples(self) -> int:
        """How much audio came since the last turn."""
        return self.hearing.heard_samples - self._free_from_sample

    # ---------------------------------------------------------------- while they speak

    def hear(self, samples: HeardSamples) -> None:
        """The client's next audio. Where the client says when turns end, it all belongs to one."""
        if not self.hearing.detecting and self.current is None:
            self._open(self.hearing.heard_samples)
        self.hearing.feed(samples)

    def on_endpoint(self, event: ep.EndpointEvent) -> None:
        """Takes what the endpoint found."""
        match event:
            case ep.SpeechStarted():
                self._begin(event)
            case ep.SpeechPaused():
                self._around.tell(fl.UserPaused(milliseconds(event.speech_samples)))
            case ep.AskDetector():
                if self._parts.turn_detector is not None and self.current is not None:
                    self._around.spawn(self._ask(self._parts.turn_detector, self.current, event.at_sample))
            case ep.SpeechResumed():
                self._around.tell(fl.UserResumed())
            case ep.TurnFinished():
                if self.current is not None:
                    self.current.end_sample = event.silent_sample
                self._around.tell(fl.UserFinished())

    def on_partial(self, text: str) -> None:
        """Takes what the recogniser makes of unfinished speech."""
        turn = self.current
        if turn is None:
            return
        if self._around.transcribes and text != turn.text:
            self._around.emit("antiphon.input_transcript.partial", item_id=turn.item_id, transcript=text)
        turn.text = text
        self._tell_heard(turn, final=False)

    async def recognise(self) -> None:
        """Recognises all of the speech so far and tells the floor."""
        turn = self.current
        if turn is None:
            return
        words = await self._words(turn)
        if words is not None and turn is self.current:
            turn.text = words
            self._tell_heard(turn, final=True)

    def tell_started(self) -> None:
        """Standard clients fall silent when they see it; so it is told when it is meant, with the true onset."""
        turn = self.current
        if turn is not None and not turn.told:
            turn.told = True
            self._around.emit(
                "input_audio_buffer.speech_started",
                item_id=turn.item_id,
                audio_start_ms=milliseconds(turn.start_sample),
            )

    # ------------------------------------------------------------------ when they stop

    def start_words(self) -> UserTurn | None:
        """Recognises the turn so far, for an answer on trial."""
        turn = self.current
        if turn is not None:
            turn.words = self._around.spawn(self._words_of(turn))
        return turn

    def drop_words(self) -> None:
        """The user goes on: what was recognised on trial is not all."""
        turn = self.current
        if turn is not None and turn.words is not None:
            turn.words.cancel()
            turn.words = None

    def commit(self) -> None:
        """What the user said is part of the conversation."""
        if self.current is None:
            self._open(self._free_from_sample)
        turn = self.current
        assert turn is not None
        turn.end_sample = turn.end_sample or self.hearing.heard_samples
        if self.hearing.detecting:
            self.tell_started()
            self._tell_stopped(turn)
        turn.silent_ms = self._around.now_ms - milliseconds(self.hearing.heard_samples - turn.end_sample)
        self._tell_span(turn)
        self.current, self.committed = None, turn
        self._meter.turn_ended(counted=True)
        if turn.words is None or turn.failure is not None:
            turn.words = self._around.spawn(self._words_of(turn))
        turn.item = UserMessage(turn.item_id, turn.text if turn.words.done() else "", spoken=True)
        self.hearing.loudness.learn()
        self._listening.commit()
        self._start_afresh()
        previous = self._around.conversation.add(turn.item)
        self._around.emit("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=previous)
        untranscribed = replace(turn.item, text="").as_json()  # the transcript has events of its own
        for type_ in ("conversation.item.added", "conversation.item.done"):
            self._around.emit(type_, item=untranscribed, previous_item_id=previous)
        telling = self._around.spawn(self._tell_transcript(turn, turn.item, turn.words))
        telling.add_done_callback(lambda _: turn.span.end())  # an answer that is under way keeps it open

    def discard(self) -> None:
        """What the user said was nothing to us."""
        turn, self.current = self.current, None
        self._listening.discard()
        self._start_afresh()
        if turn is None:
            return
        self._meter.turn_ended(counted=False)
        turn.span.set(outcome="discarded")
        turn.span.end()
        if turn.words is not None:
            turn.words.cancel()
        if turn.told:
            self._tell_stopped(turn)
            self._around.emit("antiphon.turn.discarded", item_id=turn.item_id)

    def recognise_item(self, item: UserMessage, audio: HeardSamples) -> None:
        """Writes down what a recording says."""
        task = self._around.spawn(self._recognise_item(item, audio))
        self.preparing[task] = len(audio)
        task.add_done_callback(self.preparing.pop)

    async def _recognise_item(self, item: UserMessage, audio: HeardSamples) -> None:
        try:
            vad = self._parts.new_vad()
            pieces = spoken_pieces(audio, self._parts.asr, vad, language=self._around.language)
            item.text = " ".join([item.text, *[piece.transcript.text async for piece in pieces]]).strip()
        except AntiphonError as error:
            self._tell_failed(item.id, error)

    # ------------------------------------------------------------------------- helpers

    def _begin(self, event: ep.SpeechStarted) -> None:
        # Over an answer the least sound decides, and is listened to until it has died away.
        self.hearing.endpoint.hasty = not self._around.replying
        self._open(event.speech_sample, event.audio_sample)
        self._around.tell(fl.UserStarted(self.hearing.loudness.over_usual_db, self._around.asking))
        if not self._around.replying:
            self.tell_started()

    def _open(self, start_sample: int, audio_sample: int | None = None) -> None:
        begun_at = start_sample if audio_sample is None else audio_sample
        audio = self._listening.begin(begun_at, over_answer=self._around.replying)
        onset_ms = self._around.now_ms - milliseconds(self.hearing.heard_samples - start_sample)
        turn = self.current = UserTurn(new_id("item"), start_sample, audio, onset_ms)
        turn.span = self._parts.tracer.begin("turn", onset_ms, session=self._around.id, item=turn.item_id)

    async def _ask(self, detector: TurnDetector, turn: UserTurn, at_sample: int) -> None:
        current_span.set(turn.span)
        try:
            finished = await detector.finished_probability(turn.audio.recent())
        except AntiphonError:
            return  # a silence time-out stands behind it
        self.hearing.opinion(finished, at_sample)

    def _tell_heard(self, turn: UserTurn, *, final: bool) -> None:
        loudness_db = self.hearing.loudness.over_usual_db
        speech_ms = milliseconds(turn.audio.speech_samples)
        kind = classify(
            turn.text,
            self._around.language,
            speech_ms=speech_ms,
            level_db=loudness_db,
            saying=self._around.saying,
        )
        self._around.tell(fl.UserHeard(kind, word_count(turn.text), final, loudness_db))

    def _start_afresh(self) -> None:
        """What comes from now on belongs to another turn, also where the client ended this one."""
        self.hearing.endpoint.reset()
        self._free_from_sample = self.hearing.heard_samples

    async def _words(self, turn: UserTurn) -> str | None:
        """The turn's words; None if the recogniser fails."""
        turn.failure = None
        try:
            with turn.span.child("recognition"):
                return (await self._listening.final(turn.audio)).text
        except AntiphonError as error:
            turn.failure = error
            return None

    @staticmethod
    def _tell_span(turn: UserTurn) -> None:
        turn.span.set(outcome="committed")
        turn.span.child("speech", turn.onset_ms).end(at_ms=turn.silent_ms)
        turn.span.child("end_of_turn", turn.silent_ms).end()

    def _tell_failed(self, item_id: str, error: AntiphonError) -> None:
        details = {"type": "server_error", "code": "transcription_failed", "message": error.message}
        self._around.emit(
            "conversation.item.input_audio_transcription.failed", item_id=item_id, content_index=0, error=details
        )

    async def _words_of(self, turn: UserTurn) -> str | None:
        asked_at_sample = self.hearing.heard_samples
        words = await self._words(turn)
        if words is None:
            return None
        turn.text = words
        if turn is self.current:
            self.hearing.endpoint.on_words(last_words(words, self._around.language or "en"), asked_at_sample)
        if turn.item is not None:
            turn.item.text = turn.text
        elif turn is self.current:
            self._tell_heard(turn, final=True)
        return words

    async def _tell_transcript(self, turn: UserTurn, item: UserMessage, words: asyncio.Task[str | None]) -> None:
        self._unrecognised += 1
        try:
            text = await asyncio.shield(words)
        finally:
            self._unrecognised -= 1
        if text is None:
            assert turn.failure is not None
            self._tell_failed(turn.item_id, turn.failure)
            return
        item.text = text
        said = {"text": text} if self._around.settings.log_text else {}
        turn.span.set(**said)
        log.info("turn", item=turn.item_id, seconds=round(_seconds(turn), 2), words=word_count(text), **said)
        if not self._around.transcribes:
            return
        where = {"item_id": turn.item_id, "content_index": 0}
        if text:
            self._around.emit("conversation.item.input_audio_transcription.delta", **where, delta=text)
        usage = {"type": "duration", "seconds": _seconds(turn)}
        self._around.emit(
            "conversation.item.input_audio_transcription.completed", **where, transcript=text, usage=usage
        )

    def _tell_stopped(self, turn: UserTurn) -> None:
        if turn.told:
            self._around.emit(
                "input_audio_buffer.speech_stopped",
                item_id=turn.item_id,
                audio_end_ms=milliseconds(turn.end_sample or self.hearing.heard_samples),
            )


def _seconds(turn: UserTurn) -> float:
    return max(0, turn.end_sample - turn.start_sample) / EARS_RATE_HZ
