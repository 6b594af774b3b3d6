"""The router never sends an utterance to a worker that cannot speak it, spreads the rest, and can say why."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from antiphon_core.errors import AntiphonError, Full, LicenceRefused, UnknownVoice, Unsupported, WorkerGone
from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import (
    Limits,
    Load,
    ModelState,
    ModelStatus,
    WorkerDescription,
    WorkerRecord,
)
from antiphon_orchestrator.speech import judge
from antiphon_orchestrator.speech.judge import Judge, Wanted
from antiphon_orchestrator.speech.policies import POLICIES, Rules
from antiphon_orchestrator.speech.router import PickTwo, Route, Router, Situation, public_voices
from hypothesis import given
from hypothesis import strategies as st

CLONING = frozenset({Capability.CLONING})


def model(
    name: str = "m",
    *,
    voices: tuple[str, ...] = ("a", "b"),
    places: int = 4,
    licence: str = "Apache-2.0",
    can: frozenset[Capability] = frozenset({Capability.SPEED}),
) -> ModelInfo:
    return ModelInfo(
        id=name,
        voices=tuple(VoiceInfo(voice, ("en",) if voice != "b" else ("de-CH",)) for voice in voices),
        native_rate_hz=24_000,
        licence=licence,
        size_bytes=1,
        max_concurrency=places,
        capabilities=can,
    )


def worker(
    address: str,
    *models: ModelInfo,
    state: ModelState = ModelState.RESIDENT,
    in_flight: int = 0,
    first_audio_p50_ms: float = 10.0,
    draining: bool = False,
    device: str = "cpu",
) -> WorkerRecord:
    statuses = tuple(ModelStatus(info, state) for info in (models or (model(),)))
    load = Load(in_flight=in_flight, first_audio_p50_ms=first_audio_p50_ms, draining=draining)
    return WorkerRecord(
        address, WorkerDescription(address, "x", device, "i", statuses, statuses[0].info.id, load, Limits())
    )


def first_two(count: int) -> tuple[int, int]:
    return 0, 1


def at_random(seed: int) -> PickTwo:
    rng = random.Random(seed)

    def pick_two(count: int) -> tuple[int, int]:
        first, second = rng.sample(range(count), 2)
        return first, second

    return pick_two


def route(
    fleet: Sequence[WorkerRecord],
    wanted: Wanted,
    own_in_flight: Mapping[str, int] | None = None,
    rules: Rules | None = None,
    **situation: object,
) -> Route:
    now = Situation(own_in_flight or {}, **situation)  # type: ignore[arg-type]
    return Router(rules).route(fleet, wanted, now, first_two)


def reasons(
    fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation, rules: Rules | None = None
) -> dict[str, str]:
    explained = Router(rules).explain(fleet, wanted, now, first_two)
    assert [one.taken for one in explained] == [True] + [False] * (len(fleet) - 1)
    return {one.record.address: one.why for one in explained}


# ------------------------------------------------------------- who could speak


def test_a_model_name_alone_means_its_default_voice() -> None:
    assert route([worker("w1")], Wanted("m")).voice == "m/a"


def test_no_name_means_the_workers_default_model() -> None:
    assert route([worker("w1", model("x"), model("y"))], Wanted()).voice == "x/a"


def test_a_language_chooses_among_a_models_voices() -> None:
    assert route([worker("w1")], Wanted("m", language="de")).voice == "m/b"


def test_an_unknown_voice_lists_what_there_is() -> None:
    with pytest.raises(UnknownVoice, match="m/zz") as caught:
        route([worker("w1")], Wanted("m/zz"))
    assert caught.value.allowed == ("m/a", "m/b")


def test_an_empty_fleet_says_how_to_start_a_worker() -> None:
    with pytest.raises(WorkerGone, match="worker --adapter"):
        route([], Wanted("m"))


def test_a_missing_capability_is_told_apart_from_a_missing_voice() -> None:
    with pytest.raises(Unsupported, match="offers cloning; there are"):
        route([worker("w1")], Wanted("m", capabilities=CLONING))
    with pytest.raises(Unsupported, match="cloning, language 'fr'"):
        route([worker("w1")], Wanted("", "fr", CLONING))


def test_a_licence_that_is_not_allowed_is_named_with_those_that_are() -> None:
    fleet = [worker("w1", model("free"), model("dear", licence="CPML"))]
    rules = Rules(licences=frozenset({"Apache-2.0"}))
    assert route(fleet, Wanted("free"), rules=rules).voice == "free/a"
    with pytest.raises(LicenceRefused, match="its licence is CPML, allowed are: Apache"):
        route(fleet, Wanted("dear"), rules=rules)


def test_public_voices_begin_with_the_default_one() -> None:
    assert public_voices(ModelStatus(model(), ModelState.RESIDENT)) == ["m/a", "m/b"]


def test_a_verdict_is_given_again_when_a_worker_changes_what_it_has() -> None:
    before, remembered = worker("w1"), Judge()
    after = replace(before, description=replace(before.description, models=worker("w1", model("n")).description.models))
    for record, voice in ((before, "m/a"), (after, ""), (before, "m/a")):
        (verdict,) = remembered.verdicts(Wanted("m"), Rules(), [record.description])
        assert verdict.voice == voice


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "_KEPT_WISHES", 2)
    monkeypatch.setattr(judge, "_KEPT_VERDICTS", 1)
    remembered = Judge()
    fleet = [worker("w1").description, worker("w2").description]
    for number in range(9):
        remembered.verdicts(Wanted(f"m{number % 3}"), Rules(), fleet)
    assert len(remembered._by_wish) <= 2


# --------------------------------------------------------------- who is taken


def test_a_draining_worker_is_passed_over() -> None:
    fleet = [worker("w1", draining=True), worker("w2", in_flight=3)]
    assert route(fleet, Wanted("m")).record.address == "w2"


def test_when_all_drain_or_failed_the_caller_is_told_to_come_back() -> None:
    with pytest.raises(Full) as caught:
        route([worker("w1", draining=True), worker("w2")], Wanted("m"), avoid={"w2"})
    assert caught.value.retry_after_ms > 0


def test_a_resident_model_is_preferred_to_an_idle_worker_that_must_load_it() -> None:
    fleet = [worker("w1", state=ModelState.AVAILABLE), worker("w2", in_flight=2)]
    assert route(fleet, Wanted("m")).record.address == "w2"


def test_a_free_place_is_preferred_to_a_place_in_a_queue() -> None:
    fleet = [worker("w1", in_flight=4), worker("w2", in_flight=5), worker("w3", in_flight=3)]
    assert route(fleet, Wanted("m")).record.address == "w3"
    assert route(fleet[:2], Wanted("m")).busy == 1.0


def test_a_session_keeps_its_worker_while_that_one_has_room() -> None:
    fleet = [worker("w1"), worker("w2", in_flight=3)]
    assert route(fleet, Wanted("m"), keep="w2").record.address == "w2"
    assert route(fleet, Wanted("m"), {"w2": 4}, keep="w2").record.address == "w1"


def test_who_failed_lately_is_the_last_resort() -> None:
    fleet = [worker("w1"), worker("w2", in_flight=3)]
    assert route(fleet, Wanted("m"), resting={"w1"}).record.address == "w2"
    assert route(fleet, Wanted("m"), resting={"w1", "w2"}).record.address == "w1"


def test_latency_breaks_a_tie() -> None:
    fleet = [worker("w1", first_audio_p50_ms=40), worker("w2", first_audio_p50_ms=20)]
    assert route(fleet, Wanted("m")).record.address == "w2"


def test_policies_prefer_what_their_names_say() -> None:
    fleet = [
        worker("gpu", device="cuda:0", in_flight=1, first_audio_p50_ms=5),
        worker("cpu", in_flight=2, first_audio_p50_ms=90),
        worker("cloner", model(can=CLONING), device="cuda:1", in_flight=3, first_audio_p50_ms=50),
    ]
    taken = {name: route(fleet, Wanted("m"), rules=Rules(policy)).record.address for name, policy in POLICIES.items()}
    assert taken == {"default": "gpu", "cheapest-cpu": "cpu", "fastest": "gpu", "cloning": "cloner"}
    slow_and_idle, quick_and_busy = worker("w1", first_audio_p50_ms=90), worker("w2", in_flight=2)
    assert route([slow_and_idle, quick_and_busy], Wanted("m"), rules=Rules(POLICIES["fastest"])).record.address == "w2"


# ------------------------------------------------------------------ fallbacks


def decide(fleet: Sequence[WorkerRecord], voice: str, **fallbacks: str) -> tuple[str, str]:
    decision = Router(Rules(fallbacks=fallbacks)).decide(fleet, Wanted(voice), Situation(), first_two)
    return decision.route.voice, decision.warm.voice if decision.warm else ""


def test_a_permitted_voice_speaks_while_the_one_that_was_wanted_is_loaded() -> None:
    fleet = [worker("w1", model("slow"), state=ModelState.AVAILABLE), worker("w2", model("quick"))]
    assert decide(fleet, "slow", slow="quick") == ("quick/a", "slow/a")
    assert decide(fleet, "slow/b", slow="quick") == ("quick/a", "slow/b")
    assert decide(fleet, "slow/b", **{"slow/b": "quick/b"}) == ("quick/b", "slow/b")
    assert decide(fleet, "slow") == ("slow/a", "")


def test_nobody_stands_in_for_a_voice_that_is_in_memory() -> None:
    fleet = [worker("w1", model("slow")), worker("w2", model("quick"))]
    assert decide(fleet, "slow", slow="quick") == ("slow/a", "")


def test_a_stand_in_that_would_have_to_be_loaded_too_is_no_help() -> None:
    fleet = [worker("w1", model("slow"), model("quick"), state=ModelState.AVAILABLE)]
    assert decide(fleet, "slow", slow="quick") == ("slow/a", "")
    assert decide(fleet[:1], "slow", slow="gone") == ("slow/a", "")


def test_a_stand_in_speaks_for_a_voice_that_nobody_has() -> None:
    fleet = [worker("w2", model("quick"))]
    assert decide(fleet, "slow", slow="quick") == ("quick/a", "")
    with pytest.raises(UnknownVoice, match="'slow'"):
        decide(fleet, "slow")


# ------------------------------------------------------------------ reasons


def test_every_worker_gets_its_reason() -> None:
    rules = Rules(POLICIES["cheapest-cpu"], frozenset({"Apache-2.0"}))
    fleet = [
        worker("other", model("n")),
        worker("dear", model(licence="CPML")),
        worker("mute", model(can=frozenset())),
        worker("alto", model(voices=("c",))),
        worker("ends", draining=True),
        worker("failed"),
        worker("weak"),
        worker("cold", state=ModelState.AVAILABLE),
        worker("full", in_flight=4),
        worker("gpu", device="cuda:0"),
        worker("quick", in_flight=1),
        worker("busy", in_flight=2),
        worker("unlucky"),
    ]
    now = Situation(avoid={"failed"}, resting={"weak"})
    assert reasons(fleet, Wanted("m/a", capabilities=frozenset({Capability.SPEED})), now, rules) == {
        "quick": "taken: the less busy of two picked at random; 25% of its places taken, first audio after 10 ms",
        "other": "has no model 'm'",
        "dear": "the licence of m, CPML, is not allowed",
        "mute": "m cannot do speed",
        "alto": "m has no voice 'a'",
        "ends": "is about to end",
        "failed": "has just failed this utterance",
        "weak": "rests after failures",
        "cold": "would have to load the model; others have it in memory",
        "full": "has no free place; others have",
        "gpu": "runs on cuda:0; cheapest-cpu prefers a CPU",
        "busy": "would do as well, but was not picked; 50% of its places taken, first audio after 10 ms",
        "unlucky": "would do as well, but was not picked; 0% of its places taken, first audio after 10 ms",
    }


def test_a_session_that_keeps_its_worker_says_so() -> None:
    fleet = [worker("w1"), worker("w2"), worker("w3", model(voices=("b",)))]
    told = reasons(fleet, Wanted("m", "en"), Situation(keep="w2"))
    assert told["w2"] == "taken: the session speaks through it, and it has room"
    assert told["w1"] == "the session speaks through another one"
    assert told["w3"] == "no voice of m speaks en"
    assert reasons(fleet[:1], Wanted("m"), Situation())["w1"] == "taken: the only one left"
    fastest = reasons(fleet[:2], Wanted("m"), Situation(), Rules(POLICIES["fastest"]))
    assert fastest["w1"].startswith("taken: the quicker of two")


# ---------------------------------------------------------------- always so


def test_a_burst_between_two_heartbeats_does_not_herd() -> None:
    fleet = [worker(f"w{i}") for i in range(10)]
    sent: Counter[str] = Counter()
    router, pick_two = Router(), at_random(7)
    for _ in range(1_000):
        sent[router.route(fleet, Wanted("m"), Situation(sent), pick_two).record.address] += 1
    assert min(sent.values()) >= 80
    assert max(sent.values()) <= 120


fleets = st.lists(
    st.builds(
        lambda name, licence, can, state, in_flight, draining, device: (
            {"state": state, "in_flight": in_flight, "draining": draining, "device": device},
            model(name, licence=licence, can=can),
        ),
        st.sampled_from(["m", "n"]),
        st.sampled_from(["Apache-2.0", "CPML"]),
        st.sampled_from([frozenset(), CLONING]),
        st.sampled_from(ModelState),
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from(["cpu", "cuda:0"]),
    ),
    min_size=1,
    max_size=8,
).map(lambda shapes: [worker(f"w{i}", info, **options) for i, (options, info) in enumerate(shapes)])
wishes = st.builds(
    Wanted,
    st.sampled_from(["m", "m/a", "m/b", "other", ""]),
    st.sampled_from(["", "en", "de", "fr"]),
    st.sampled_from([frozenset(), CLONING]),
)
addresses = st.frozensets(st.sampled_from([f"w{i}" for i in range(8)]), max_size=3)
all_rules = st.builds(
    Rules, st.sampled_from(list(POLICIES.values())), st.sampled_from([frozenset(), frozenset({"Apache-2.0"})])
)


@given(fleets, wishes, addresses, addresses, all_rules, st.integers())
def test_never_a_worker_that_ends_failed_or_cannot(
    fleet: list[WorkerRecord],
    wanted: Wanted,
    avoid: frozenset[str],
    resting: frozenset[str],
    rules: Rules,
    seed: int,
) -> None:
    now = Situation(avoid=avoid, resting=resting)
    try:
        chosen = Router(rules).route(fleet, wanted, now, at_random(seed))
    except AntiphonError:
        return
    description = chosen.record.description
    model_id, _, voice_id = chosen.voice.partition("/")
    status = description.status(model_id)
    assert status is not None
    info = status.info
    assert not description.load.draining
    assert chosen.record.address not in avoid
    assert wanted.voice in ("", info.id, chosen.voice)
    assert wanted.capabilities | rules.policy.needs <= info.capabilities
    assert not rules.licences or info.licence in rules.licences
    if "/" not in wanted.voice and wanted.language:
        assert any(tag.startswith(wanted.language) for tag in info.voice(voice_id).languages)
    if chosen.record.address in resting:
        sound = [record for record in fleet if record.address not in resting]
        with pytest.raises(AntiphonError):
            Router(rules).route(sound, wanted, now, at_random(seed))


@given(fleets, wishes, all_rules, st.integers())
def test_who_is_explained_as_taken_is_taken(fleet: list[WorkerRecord], wanted: Wanted, rules: Rules, seed: int) -> None:
    try:
        chosen = Router(rules).route(fleet, wanted, Situation(), at_random(seed))
    except AntiphonError as error:
        with pytest.raises(type(error)):
            Router(rules).explain(fleet, wanted, Situation(), at_random(seed))
        return
    explained = Router(rules).explain(fleet, wanted, Situation(), at_random(seed))
    assert [one.record for one in explained if one.taken] == [chosen.record]
    assert all(one.why for one in explained)
    assert len(explained) == len(fleet)


@given(fleets, st.integers(), st.integers())
def test_a_session_stays_where_it_is_whatever_the_dice_say(fleet: list[WorkerRecord], first: int, second: int) -> None:
    try:
        before = Router().route(fleet, Wanted(), Situation(), at_random(first))
    except AntiphonError:
        return
    after = Router().route(fleet, Wanted(), Situation(keep=before.record.address), at_random(second))
    assert after.record is before.record or before.busy >= 1
