"""The demonstration's script: what the interviewer says, when, and what must come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Told, Track
from antiphon_orchestrator.cli.sounds import cough, typing
from antiphon_orchestrator.cli.talk import first_audible_ms, speech_end

QUESTION = "What is the capital of France?"
PAUSED = "I would like to know how far away from us the moon really is."
PAUSE_MS = 600
LISTENING = "Tell me about the sea, please."
BACKCHANNEL = "Mm-hm."
COUGHING = "Tell me about the forest, please."
INTERRUPTED = "Tell me about the mountains, please."
INTERRUPTION = "Wait, stop. What is two plus three?"
LINES = (QUESTION, PAUSED, LISTENING, BACKCHANNEL, COUGHING, INTERRUPTED, INTERRUPTION)

_INTO_THE_ANSWER_S = 0.9
_PATIENCE_S = 40.0
_BREATH_S = 0.7

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be true of the conversation."""

    what: str
    ok: bool
    detail: str


@dataclass(slots=True)
class Interview:
    """Runs the script over one call. `said` is when each line's last sound was spoken."""

    call: Call
    lines: dict[str, Track]
    report: Report
    said: list[tuple[float, float, str]] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    async def run(self) -> None:
        await self._silence(0.3)
        await self._plain_question()
        await self._pause_in_mid_sentence()
        await self._sound_over_an_answer(LISTENING, "a backchannel", self.lines[BACKCHANNEL], BACKCHANNEL)
        await self._sound_over_an_answer(COUGHING, "a cough and a keyboard", _noises(), "(coughs and types)")
        await self._interruption()
        await self._silence(0.5)

    async def _plain_question(self) -> None:
        said_ms = await self._say(QUESTION)
        await self._answer(said_ms)
        self._check("a plain question is answered", bool(self.call.events("response.done")), "")

    async def _pause_in_mid_sentence(self) -> None:
        begun_ms = self.call.now_ms
        said_ms = await self._speak(with_pause(self.lines[PAUSED]), f"{PAUSED} (pausing in the middle)")
        spoke_up = first_audible_ms(self.call, begun_ms)
        await self._answer(said_ms)
        waited = spoke_up is None or spoke_up > said_ms
        self._check("a pause in mid-sentence is waited out", waited, f"{PAUSE_MS} ms long")

    async def _sound_over_an_answer(self, question: str, name: str, sound: Track, caption: str) -> None:
        said_ms = await self._say(question)
        await self._into_the_answer(said_ms)
        before_ms, cut = self.call.now_ms, len(self.call.events("antiphon.output.interrupted"))
        await self._speak(sound, caption)
        await self._until_done(before_ms)
        stopped = len(self.call.events("antiphon.output.interrupted")) > cut
        held = self.call.event_ms("antiphon.output.held", before_ms)
        self._check(f"{name} does not stop the answer", not stopped, "held, then resumed" if held else "not even held")

    async def _interruption(self) -> None:
        said_ms = await self._say(INTERRUPTED)
        await self._into_the_answer(said_ms)
        begun_ms = self.call.now_ms
        said_ms = await self._say(INTERRUPTION)
        cut_ms = self.call.event_ms("antiphon.output.interrupted", begun_ms)
        held_ms = self.call.event_ms("antiphon.output.held", begun_ms)
        silent_ms = min((at for at in (cut_ms, held_ms) if at is not None), default=None)
        detail = "" if silent_ms is None else f"silent {silent_ms - begun_ms:.0f} ms after the interviewer began"
        self._check("a real interruption stops the answer", cut_ms is not None, detail)
        await self._answer(said_ms)

    # -------------------------------------------------------------------------- steps

    async def _say(self, line: str) -> float:
        """Says a line; returns when its last sound was made."""
        return await self._speak(self.lines[line], line)

    async def _speak(self, track: Track, caption: str) -> float:
        begun_ms = self.call.now_ms
        self.report(f"{begun_ms / 1000:6.1f} s  interviewer: {caption}")
        end_ms = begun_ms + speech_end(track) * 1000 / RATE_HZ
        self.said.append((begun_ms, end_ms, caption))
        await self.call.speak(track)
        return end_ms

    async def _silence(self, seconds: float) -> None:
        await self.call.speak(np.zeros(int(seconds * RATE_HZ), np.int16))

    async def _answer(self, said_ms: float) -> None:
        """Waits until the answer is over, and lets a breath pass."""
        await self._into_the_answer(said_ms, into_s=0.0)
        await self._until_done(said_ms)

    async def _into_the_answer(self, said_ms: float, into_s: float = _INTO_THE_ANSWER_S) -> None:
        await self._wait(lambda _: first_audible_ms(self.call, said_ms) is not None)
        heard_ms = first_audible_ms(self.call, said_ms)
        if heard_ms is not None:
            self.latencies.append((said_ms, heard_ms))
            await self._silence(into_s)

    async def _until_done(self, after_ms: float) -> None:
        await self._wait(
            lambda told: (told is None or told.type == "response.done") and has_answered(self.call, after_ms)
        )
        text = self.call.events("response.done")[-1:]
        for response in text:
            for item in response["response"]["output"]:
                for part in item.get("content", []):
                    self.report(f"{self.call.now_ms / 1000:6.1f} s  machine:     {part.get('transcript', '')}")
        await self._silence(_BREATH_S)

    async def _wait(self, is_so: Callable[[Told | None], bool]) -> None:
        """Keeps the line open until it is so; an impatient interviewer hangs up in the end."""
        done = asyncio.Event()

        def look(told: Told) -> None:
            if is_so(told):
                done.set()

        self.call.listeners.append(look)
        try:
            if is_so(None) or await self.call.silent_until(done, _PATIENCE_S):
                return
        finally:
            self.call.listeners.remove(look)
        raise TimeoutError(f"the machine said nothing for {_PATIENCE_S:.0f} s")

    def _check(self, what: str, ok: bool, detail: str) -> None:
        self.checks.append(Check(what, ok, detail))


def has_answered(call: Call, after_ms: float) -> bool:
    """Whether an answer has ended since. One that gave way before its first sound was none."""
    heard = {told.event["response_id"] for told in call.told if told.type == "response.output_audio.delta"}
    done = (told for told in call.told if told.type == "response.done" and told.at_ms >= after_ms)
    return any(told.event["response"]["id"] in heard for told in done)


def with_pause(track: Track) -> Track:
    """The same, hesitating at the quietest place of its middle third."""
    window = RATE_HZ // 33
    third = len(track) // 3
    energy = np.convolve(np.square(track[third : 2 * third].astype(np.float64)), np.ones(window), "valid")
    cut = third + int(np.argmin(energy)) + window // 2
    return np.concatenate((track[:cut], np.zeros(PAUSE_MS * RATE_HZ // 1000, np.int16), track[cut:]))


def _noises() -> Track:
    pause = np.zeros(RATE_HZ // 2, np.int16)
    return np.concatenate((cough(RATE_HZ), pause, typing(RATE_HZ, 1.0)))
