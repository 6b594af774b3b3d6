"""The router never sends an utterance to a worker that cannot speak it, and spreads the rest."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from antiphon_core.errors import Full, UnknownVoice, Unsupported, WorkerGone
from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import (
    Limits,
    Load,
    ModelState,
    ModelStatus,
    WorkerDescription,
    WorkerRecord,
)
from antiphon_orchestrator.speech.router import Wanted, public_voices, route
from hypothesis import given
from hypothesis import strategies as st


def model(name: str = "m", *, voices: tuple[str, ...] = ("a", "b"), places: int = 4) -> ModelInfo:
    return ModelInfo(
        id=name,
        voices=tuple(VoiceInfo(voice, ("en",) if voice != "b" else ("de-CH",)) for voice in voices),
        native_rate_hz=24_000,
        licence="Apache-2.0",
        size_bytes=1,
        max_concurrency=places,
        capabilities=frozenset({Capability.SPEED}),
    )


def worker(
    address: str,
    *models: ModelInfo,
    state: ModelState = ModelState.RESIDENT,
    in_flight: int = 0,
    first_audio_p50_ms: float = 10.0,
    draining: bool = False,
) -> WorkerRecord:
    statuses = tuple(ModelStatus(info, state) for info in (models or (model(),)))
    load = Load(in_flight=in_flight, first_audio_p50_ms=first_audio_p50_ms, draining=draining)
    return WorkerRecord(
        address, WorkerDescription(address, "x", "cpu", "i", statuses, statuses[0].info.id, load, Limits())
    )


def first_two(count: int) -> tuple[int, int]:
    return 0, 1


def test_a_model_name_alone_means_its_default_voice() -> None:
    assert route([worker("w1")], Wanted("m"), {}, first_two).voice == "m/a"


def test_no_name_means_the_workers_default_model() -> None:
    assert route([worker("w1", model("x"), model("y"))], Wanted(), {}, first_two).voice == "x/a"


def test_a_language_chooses_among_a_models_voices() -> None:
    assert route([worker("w1")], Wanted("m", language="de"), {}, first_two).voice == "m/b"


def test_an_unknown_voice_lists_what_there_is() -> None:
    with pytest.raises(UnknownVoice, match="m/zz") as caught:
        route([worker("w1")], Wanted("m/zz"), {}, first_two)
    assert caught.value.allowed == ("m/a", "m/b")


def test_an_empty_fleet_says_how_to_start_a_worker() -> None:
    with pytest.raises(WorkerGone, match="worker --adapter"):
        route([], Wanted("m"), {}, first_two)


def test_a_missing_capability_is_told_apart_from_a_missing_voice() -> None:
    with pytest.raises(Unsupported, match="cloning"):
        route([worker("w1")], Wanted("m", capabilities=frozenset({Capability.CLONING})), {}, first_two)


def test_a_draining_worker_is_passed_over() -> None:
    fleet = [worker("w1", draining=True), worker("w2", in_flight=3)]
    assert route(fleet, Wanted("m"), {}, first_two).record.address == "w2"


def test_when_all_drain_the_caller_is_told_to_come_back() -> None:
    with pytest.raises(Full) as caught:
        route([worker("w1", draining=True)], Wanted("m"), {}, first_two)
    assert caught.value.retry_after_ms > 0


def test_a_resident_model_is_preferred_to_an_idle_worker_that_must_load_it() -> None:
    fleet = [worker("w1", state=ModelState.AVAILABLE), worker("w2", in_flight=2)]
    assert route(fleet, Wanted("m"), {}, first_two).record.address == "w2"


def test_a_session_keeps_its_worker_while_that_one_has_room() -> None:
    fleet = [worker("w1"), worker("w2", in_flight=3)]
    assert route(fleet, Wanted("m"), {}, first_two, keep="w2").record.address == "w2"
    assert route(fleet, Wanted("m"), {"w2": 4}, first_two, keep="w2").record.address == "w1"


def test_latency_breaks_a_tie() -> None:
    fleet = [worker("w1", first_audio_p50_ms=40), worker("w2", first_audio_p50_ms=20)]
    assert route(fleet, Wanted("m"), {}, first_two).record.address == "w2"


def test_public_voices_begin_with_the_default_one() -> None:
    assert public_voices(ModelStatus(model(), ModelState.RESIDENT)) == ["m/a", "m/b"]


def test_a_burst_between_two_heartbeats_does_not_herd() -> None:
    rng = random.Random(7)

    def pick_two(count: int) -> tuple[int, int]:
        first, second = rng.sample(range(count), 2)
        return first, second

    fleet = [worker(f"w{i}") for i in range(10)]
    sent: Counter[str] = Counter()
    for _ in range(1_000):
        sent[route(fleet, Wanted("m"), sent, pick_two).record.address] += 1
    assert min(sent.values()) >= 80
    assert max(sent.values()) <= 120


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=8),
    st.sampled_from(["m", "m/a", "m/b", "other", ""]),
    st.randoms(use_true_random=False),
)
def test_never_a_draining_or_incapable_worker(
    shape: list[tuple[bool, bool, int]], voice: str, rng: random.Random
) -> None:
    fleet = [
        worker(f"w{i}", model("m") if speaks else model("n"), draining=draining, in_flight=busy)
        for i, (speaks, draining, busy) in enumerate(shape)
    ]

    def pick_two(count: int) -> tuple[int, int]:
        first, second = rng.sample(range(count), 2)
        return first, second

    try:
        chosen = route(fleet, Wanted(voice), {}, pick_two)
    except (Full, UnknownVoice):
        return
    assert not chosen.record.description.load.draining
    assert chosen.record.description.status(chosen.voice.partition("/")[0]) is not None
