"""Sounds and words over an answer: who stops it, and how fast."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Track, calling
from antiphon_orchestrator.cli.sounds import cough, typing
from processes import Running, up
from tables import figure, row
from turns import first_sound, silence
from voices import BACKCHANNELS, INTERRUPTIONS, LONG_QUESTION, spoken

INTO_S = 1.0
AFTER_S = 1.6
AUDIBLE = 300
QUIET_S = 0.12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sound over an answer did. `silent_ms`: from its first sound until the client heard nothing."""

    stopped: bool
    silent_ms: float | None
    decided_ms: float | None
    last_frame_after_ms: float | None
    came_back: bool


async def measure() -> None:
    """Twenty of each kind, in one session each."""
    async with up("--mind", "echo", "--instructions", "") as running:
        lines = await asyncio.to_thread(_lines, running)
        question = lines.pop(LONG_QUESTION + LONG_TAIL)
        groups = {
            "backchannels": [track for text, track in lines.items() if text in _TEXTS["backchannels"]],
            "noises": [shaped(sound, place) for place in range(10) for sound in (cough(RATE_HZ), typing(RATE_HZ, 0.8))],
            "interruptions": [track for text, track in lines.items() if text in _TEXTS["interruptions"]],
        }
        for name, tracks in groups.items():
            outcomes = [await over_an_answer(running.url, question, track) for track in tracks]
            _tell(name, outcomes)


LONG_TAIL = " and the ships, and the fish, and the wind, and the weather, and the people who live near the water."
_VARIANTS = (1.0, 1.08, 1.16, 1.24)
_TEXTS: dict[str, set[str]] = {"backchannels": set(), "interruptions": set()}


def _lines(running: Running) -> dict[str, Track]:
    lines = spoken(running.url, (LONG_QUESTION + LONG_TAIL,))
    for pitch in _VARIANTS:
        for kind, texts in (("backchannels", BACKCHANNELS), ("interruptions", INTERRUPTIONS)):
            if kind == "interruptions" and pitch not in _VARIANTS[1:3]:
                continue
            for text, track in spoken(running.url, texts, pitch).items():
                key = f"{text} {pitch}"
                _TEXTS[kind].add(key)
                lines[key] = track
    return lines


def shaped(sound: Track, place: int) -> Track:
    """The same sound, a little louder or softer each time."""
    return (sound * (0.5 + 0.1 * place)).clip(-32_768, 32_767).astype(np.int16)


async def over_an_answer(url: str, question: Track, sound: Track) -> Outcome:
    """Asks, lets the answer begin, makes the sound, looks what becomes of the answer."""
    async with calling(url) as call:
        await silence(call, 0.4)
        await call.speak(question)
        await first_sound(call, call.now_ms - 1_000)
        await silence(call, INTO_S)
        onset_ms = call.now_ms + first_loud(sound) * 1000 / RATE_HZ
        await call.speak(sound)
        await silence(call, AFTER_S)
        return _outcome(call, onset_ms)


def first_loud(track: Track) -> int:
    loud = np.flatnonzero(np.abs(track.astype(np.int32)) > AUDIBLE)
    return int(loud[0]) if len(loud) else 0


def _outcome(call: Call, onset_ms: float) -> Outcome:
    cut_ms = call.event_ms("antiphon.output.interrupted", onset_ms)
    frames = [told.at_ms for told in call.told if told.type == "response.output_audio.delta"]
    after = [at_ms - cut_ms for at_ms in frames if cut_ms is not None and onset_ms < at_ms <= cut_ms + 200]
    old_items = {event["item_id"] for event in call.events("antiphon.output.interrupted")}
    came_back = any(
        told.event["item_id"] in old_items and cut_ms is not None and told.at_ms > cut_ms + 1
        for told in call.told
        if told.type == "response.output_audio.delta"
    )
    return Outcome(
        cut_ms is not None,
        _silent_after(call, onset_ms),
        None if cut_ms is None else cut_ms - onset_ms,
        max(after, default=None),
        came_back,
    )


def _silent_after(call: Call, onset_ms: float) -> float | None:
    """When what the client plays first falls silent for a while, counted from the onset."""
    begin, quiet = int(onset_ms * RATE_HZ / 1000), int(QUIET_S * RATE_HZ)
    end = begin + 2 * RATE_HZ
    played = np.zeros(end, bool)
    for start, audio in call.heard:
        loud = np.abs(audio[: max(0, end - start)].astype(np.int32)) > AUDIBLE
        played[start : start + len(loud)] |= loud
    sounding = np.flatnonzero(played[begin:end])
    edges = np.concatenate(([-1], sounding, [end - begin]))
    gaps = np.flatnonzero(np.diff(edges) > quiet)
    return float(edges[gaps[0]] + 1) * 1000 / RATE_HZ if len(gaps) else None


def _tell(name: str, outcomes: list[Outcome]) -> None:
    stopped = sum(outcome.stopped for outcome in outcomes)
    reach = f"{len(outcomes)} of {len(outcomes)}" if name == "interruptions" else "<= 1"
    figure(f"{name} that stop the answer for good", f"{stopped} of {len(outcomes)}", reach)
    if name == "interruptions":
        silent = [outcome.silent_ms for outcome in outcomes if outcome.silent_ms is not None]
        row("onset -> silence at the client", silent, reach="p95 <= 150")
        row("onset -> decision", [o.decided_ms for o in outcomes if o.decided_ms is not None])
        late = [max(0.0, o.last_frame_after_ms) for o in outcomes if o.last_frame_after_ms is not None]
        row("decision -> last frame received", late, reach="p99 <= 20, max <= 40")
        figure("old answers that came back", str(sum(outcome.came_back for outcome in outcomes)), "0")
