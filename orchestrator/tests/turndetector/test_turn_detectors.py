"""Whatever hears for us whether a turn is finished, real or scripted, does this."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from antiphon_core.errors import CannotLoad
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, TurnDetector
from antiphon_orchestrator.testing import voice
from antiphon_orchestrator.testing.ears import ScriptedTurnDetector
from antiphon_orchestrator.turndetector.smart_turn import SmartTurn


@dataclass(frozen=True)
class Case:
    detector: TurnDetector
    finished: HeardSamples
    cut: HeardSamples


REAL = pytest.param("smart-turn", marks=[pytest.mark.integration, pytest.mark.timeout(300)])


@pytest.fixture(params=["scripted", REAL])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    pause = voice.silence(EARS_RATE_HZ // 5)
    if request.param == "scripted":
        whole, cut = voice.speak("What time is it?"), voice.speak("What time")
        yield Case(ScriptedTurnDetector(), np.concatenate([whole, pause]), np.concatenate([cut, pause]))
        return
    jfk: HeardSamples = request.getfixturevalue("jfk")
    detector = SmartTurn(request.getfixturevalue("model_folder")("smart-turn"))
    yield Case(
        detector,
        np.concatenate([jfk[: int(10.5 * EARS_RATE_HZ)], pause]),
        np.concatenate([jfk[: int(8.5 * EARS_RATE_HZ)], pause]),
    )
    detector.close()


async def test_a_finished_turn_is_told_from_a_cut_one(case: Case) -> None:
    assert await case.detector.finished_probability(case.finished) > 0.8
    assert await case.detector.finished_probability(case.cut) < 0.2


async def test_a_turn_of_any_length_gets_a_probability(case: Case) -> None:
    for seconds in (0, 0.01, 1, 9, 60):
        turn = np.resize(case.finished, int(seconds * EARS_RATE_HZ))
        assert 0 <= await case.detector.finished_probability(turn) <= 1


async def test_turns_judged_at_once_are_judged_as_if_alone(case: Case) -> None:
    turns = [case.finished, case.cut] * 3
    alone = [await case.detector.finished_probability(turn) for turn in turns[:2]] * 3
    assert await asyncio.gather(*map(case.detector.finished_probability, turns)) == alone


async def test_the_turn_is_left_as_it_was(case: Case) -> None:
    turn = case.finished.copy()
    await case.detector.finished_probability(turn)
    np.testing.assert_array_equal(turn, case.finished)


async def test_a_cancelled_judgement_leaves_the_detector_usable(case: Case) -> None:
    judging = asyncio.create_task(case.detector.finished_probability(case.cut))
    await asyncio.sleep(0)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    assert await case.detector.finished_probability(case.finished) > 0.8


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotLoad, match=r"smart-turn-v3\.2-cpu\.onnx is missing; pull the model again"):
        SmartTurn(tmp_path)
