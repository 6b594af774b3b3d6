"""What the user of one session says: keeps the audio of a turn and has it recognised, while and after they speak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from antiphon_core.errors import AntiphonError

from antiphon_orchestrator.asr.tape import Tape
from antiphon_orchestrator.asr.turnaudio import Cutting, Piece, TurnAudio
from antiphon_orchestrator.ports import EARS_RATE_HZ, Asr, HeardSamples, Transcript

_KEPT_BEFORE_SAMPLES = 2 * EARS_RATE_HZ
"""What is kept while no turn is under way: a voice detector finds out a little late that one has begun."""
_PARTIAL_GAP_SAMPLES = EARS_RATE_HZ * 3 // 10
_PARTIAL_COST_FACTOR = 6
"""A partial transcript starts this many times the cost of the last one after that one started, at the earliest: so
partials of one session take at most a sixth of one processor."""
_RETRY_AFTER_MS = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """Somebody waits for all that was said up to `goal`."""

    turn: TurnAudio
    goal: int
    granted: asyncio.Future[None]


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A recognition under way, of a piece up to `to`."""

    turn: TurnAudio
    piece: Piece
    to: int
    task: asyncio.Task[Transcript]


class Listening:
    """One session's. `run` does the work, one recognition at a time, and must run for as long as the session does.

        turn = listening.begin(position)       # speech has started; on_partial is told the words so far, as they change
        words = await listening.final(turn)    # at a pause, on trial: cancel it if the user goes on
        listening.commit()                     # the user has finished, or: listening.discard()
        words = await listening.final(turn)    # free, since nothing was said after the pause

    `final` costs nothing where all that was said has been recognised, by a partial or by an earlier `final`, and joins
    a recognition under way that will do. `clock` counts milliseconds.
    """

    def __init__(self, asr: Asr, on_partial: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.language = ""
        self.prompt = ""
        self._asr = asr
        self._on_partial = on_partial
        self._clock = clock
        self._cutting = Cutting(asr.max_samples)
        self._before = Tape()
        self._turn: TurnAudio | None = None
        self._told: str | None = None
        self._wishes: list[_Wish] = []
        self._job: _Job | None = None
        self._rest_until_ms = float("-inf")
        self._work = asyncio.Event()

    # --------------------------------------------------------------------- the stream

    @property
    def position(self) -> int:
        """How many samples were heard, ever. Turns begin and end at such positions."""
        return self._before.end

    def feed(self, samples: HeardSamples, speech: bool) -> None:
        """Hears the stream's next samples; `speech` as a voice detector sees it, True where none looks."""
        kept = samples.copy()
        self._before.append(kept, speech)
        self._before.forget(self.position - _KEPT_BEFORE_SAMPLES)
        if self._turn is not None:
            self._turn.hear(kept, speech)
            self._look_for_work()

    def begin(self, position: int, *, over_answer: bool = False) -> TurnAudio:
        """A turn begins, or has begun a little while ago: what was heard since `position` belongs to it.

        `over_answer`: it began while an answer was given.
        """
        self.discard()
        start = min(max(position, self._before.start), self.position)
        turn = self._turn = TurnAudio(start, self._cutting, over_answer=over_answer)
        for samples, speech in self._before.chunks(start, self.position):
            turn.hear(samples, speech)
        self._look_for_work()
        return turn

    def commit(self) -> None:
        """The open turn is complete."""
        turn = self._close()
        if turn is not None:
            turn.close()

    def discard(self) -> None:
        """The open turn is nothing to us; who waits for its words gets those that are known."""
        turn = self._close()
        for wish in self._wishes:
            if wish.turn is turn:
                _grant(wish)
        if self._job is not None and self._job.turn is turn:
            self._job.task.cancel()

    def _close(self) -> TurnAudio | None:
        turn, self._turn, self._told = self._turn, None, None
        return turn

    # ---------------------------------------------------------------------- the words

    async def final(self, turn: TurnAudio) -> Transcript:
        """The words said in a turn so far, open or not. Raises what the recogniser raises."""
        wish = _Wish(turn, turn.goal(), asyncio.get_running_loop().create_future())
        if any(turn.lacking(wish.goal)):
            self._wishes.append(wish)
            try:
                self._make_way()
                self._look_for_work()
                await wish.granted
            finally:
                self._wishes.remove(wish)
        return Transcript(turn.text, self.language)

    # ------------------------------------------------------------------------- the work

    async def run(self) -> None:
        """Recognises whatever is due, until cancelled."""
        while True:
            due = self._due()
            if due is None:
                self._work.clear()
                await self._work.wait()
            else:
                await self._recognise(*due)

    def _due(self) -> tuple[TurnAudio, Piece] | None:
        for wish in self._wishes:
            wanted = next(wish.turn.lacking(wish.goal), None)
            if wanted is not None:
                return wish.turn, wanted
        if self._turn is not None and self._clock() >= self._rest_until_ms:
            piece = self._turn.due(_PARTIAL_GAP_SAMPLES)
            return None if piece is None else (self._turn, piece)
        return None

    def _look_for_work(self) -> None:
        if self._job is None and self._due() is not None:
            self._work.set()

    def _make_way(self) -> None:
        """Stops a recognition that serves no wish: the newest audio is worth more."""
        job = self._job
        if job is not None and not any(_serves(job, wish) for wish in self._wishes):
            job.task.cancel()

    async def _recognise(self, turn: TurnAudio, piece: Piece) -> None:
        audio, to = turn.to_recognise(piece)
        urgent = any(wish.turn is turn for wish in self._wishes)
        began_ms = self._clock()
        task = asyncio.create_task(
            self._asr.transcribe(
                audio, language=self.language, prompt=self.prompt, urgent=urgent, hums=turn.over_answer
            )
        )
        self._job = _Job(turn, piece, to, task)
        try:
            turn.learn(piece, to, (await task).text)
        except asyncio.CancelledError:
            if not _was_stopped_by_us():
                raise
        except AntiphonError as error:
            self._rest(began_ms, _RETRY_AFTER_MS)
            self._refuse(turn, error)
        else:
            self._rest(began_ms)
            self._tell(turn)
        finally:
            self._job = None

    def _rest(self, began_ms: float, at_least_ms: float = 0.0) -> None:
        now_ms = self._clock()
        self._rest_until_ms = now_ms + max(at_least_ms, (now_ms - began_ms) * (_PARTIAL_COST_FACTOR - 1))

    def _tell(self, turn: TurnAudio) -> None:
        for wish in self._wishes:
            if not any(wish.turn.lacking(wish.goal)):
                _grant(wish)
        if turn is self._turn and turn.text != self._told:
            self._told = turn.text
            self._on_partial(self._told)

    def _refuse(self, turn: TurnAudio, error: AntiphonError) -> None:
        for wish in self._wishes:
            if wish.turn is turn and not wish.granted.done():
                wish.granted.set_exception(error)


def _serves(job: _Job, wish: _Wish) -> bool:
    return job.turn is wish.turn and job.to >= wish.turn.needed(job.piece, wish.goal)


def _grant(wish: _Wish) -> None:
    if not wish.granted.done():
        wish.granted.set_result(None)


def _was_stopped_by_us() -> bool:
    """Whether the recognition alone was cancelled, and not the task that waits for it."""
    task = asyncio.current_task()
    return task is not None and not task.cancelling()
