"""The apology is recorded as soon as anybody can speak, and is there at every rate."""

from __future__ import annotations

import asyncio

import pytest
from antiphon_core.audio import WIRE_RATES_HZ, PcmFormat
from antiphon_core.errors import Full
from antiphon_orchestrator.ports import VoiceChoice
from antiphon_orchestrator.speech.apology import RecordedApology
from antiphon_orchestrator.testing.server import ScriptedFleet, worker
from antiphon_orchestrator.testing.speech import FRAMES_PER_WORD, ScriptedSpeech, words_heard
from antiphon_orchestrator.testing.virtual_time import virtually

TEXT = "sorry"


@virtually
async def test_it_is_recorded_once_a_worker_can_speak() -> None:
    fleet, speech = ScriptedFleet(), ScriptedSpeech(errors=[Full("busy")])
    apology = RecordedApology(fleet, speech, TEXT, VoiceChoice("scripted/two"))
    recording = asyncio.create_task(apology.run())
    await asyncio.sleep(60.0)
    assert apology.frames(24_000) == ()
    fleet.become(worker())
    await recording
    assert speech.spoken == [TEXT, TEXT]
    assert [(choice.voice, choice.rate_hz) for choice in speech.choices] == [("scripted/two", 48_000)] * 2
    heard = b"".join(frame.pcm for frame in apology.frames(48_000))
    assert words_heard(heard, [TEXT]) == [TEXT]


@pytest.mark.parametrize("rate_hz", WIRE_RATES_HZ)
def test_it_is_there_at_every_rate(rate_hz: int) -> None:
    @virtually
    async def check() -> None:
        apology = RecordedApology(ScriptedFleet(worker()), ScriptedSpeech(), TEXT, VoiceChoice())
        await apology.run()
        frames = apology.frames(rate_hz)
        assert len(frames) in (FRAMES_PER_WORD - 1, FRAMES_PER_WORD)
        assert {len(frame.pcm) for frame in frames} == {PcmFormat(rate_hz).frame_bytes}
        assert [frame.seq for frame in frames] == list(range(len(frames)))

    check()


@virtually
async def test_a_long_one_is_cut_and_an_empty_one_is_none() -> None:
    fleet, speech = ScriptedFleet(worker()), ScriptedSpeech()
    await RecordedApology(fleet, speech, " ", VoiceChoice()).run()
    assert speech.spoken == []
    long = RecordedApology(fleet, speech, "word " * 100, VoiceChoice())
    await long.run()
    assert len(long.frames(48_000)) == 500
    assert speech.running == 0
