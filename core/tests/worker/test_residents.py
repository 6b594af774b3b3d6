from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad, EngineStalled, Full, UnknownModel
from antiphon_core.models import ModelInfo, VoiceInfo
from antiphon_core.registry.base import LoadProgress, LoadStage, ModelState, ModelStatus, Reloaded
from antiphon_core.testkit.clock import VirtualClock
from antiphon_core.worker import residents as residents_module
from antiphon_core.worker.eviction import Policy
from antiphon_core.worker.loading import Loaded, Report
from antiphon_core.worker.metrics import Metrics
from antiphon_core.worker.residents import Residents
from worker import scripted
from worker.hosted import entries, logged, scripted_loader


class House:
    """Residents of the scripted adapter, with a clock and a policy that the test turns."""

    def __init__(self, store: Path, pinned: frozenset[str] = frozenset(), **loading: object) -> None:
        self.clock = VirtualClock(1_000)
        self.policy = Policy()
        self.metrics = Metrics()
        self.stalled: list[str] = []
        self.residents = Residents(
            scripted_loader(store, **loading),  # type: ignore[arg-type]
            lambda: self.policy,
            self.metrics,
            self.stalled.append,
            pinned,
            self.clock,
        )

    def states(self) -> dict[str, ModelState]:
        return {status.info.id: status.state for status in self.residents.statuses()}

    def loads(self, model: str, outcome: str) -> float:
        labels = {"model": model, "outcome": outcome}
        return self.metrics.registry.get_sample_value("antiphon_worker_model_loads_total", labels) or 0


Build = Callable[..., "asyncio.Future[House]"]


@pytest.fixture
async def build(installed: Path, tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    houses: list[House] = []

    async def make(**more: object) -> House:
        house = House(tmp_path / "store", **more)  # type: ignore[arg-type]
        houses.append(house)
        await house.residents.list_models()
        return house

    yield make
    scripted.let_go.set()
    for house in houses:
        await house.residents.close()


async def test_a_model_is_loaded_when_it_is_first_wanted(build: Build) -> None:
    house = await build()
    assert house.states()["plain"] is ModelState.AVAILABLE
    lease = await house.residents.lease("plain")
    assert house.states()["plain"] is ModelState.RESIDENT
    assert lease.model.info.id == "plain"
    lease.release()
    assert house.loads("plain", "ok") == 1


async def test_who_wants_a_model_that_is_being_loaded_waits_for_that_load(build: Build) -> None:
    house = await build(load_delay_s="0.02")
    leases = await asyncio.gather(*(house.residents.lease("plain") for _ in range(4)))
    assert entries("load") == ["plain"]
    assert len({id(lease.model) for lease in leases}) == 1
    assert len({id(lease.slot) for lease in leases}) == 4
    for lease in leases:
        lease.release()


async def test_a_load_goes_on_when_who_wanted_it_gives_up(build: Build) -> None:
    house = await build(load_delay_s="0.05")
    wanting = asyncio.create_task(house.residents.lease("plain"))
    await asyncio.sleep(0)
    wanting.cancel()
    await asyncio.gather(wanting, return_exceptions=True)
    assert house.states()["plain"] is ModelState.LOADING
    (await house.residents.lease("plain")).release()
    assert entries("load") == ["plain"]


async def test_no_more_models_load_at_once_than_allowed(build: Build) -> None:
    house = await build(hang_at="load", max_parallel=1)
    loads = [asyncio.create_task(house.residents.lease(model)) for model in ("plain", "stream")]
    await logged("load")
    await asyncio.sleep(0.05)
    assert entries("load") == ["plain"]
    scripted.let_go.set()
    for lease in await asyncio.gather(*loads):
        lease.release()
    assert entries("load") == ["plain", "stream"]


async def test_an_unknown_model_lists_those_there_are(build: Build) -> None:
    house = await build()
    with pytest.raises(UnknownModel, match="plain, stream, solo, big, remote"):
        await house.residents.unload("nothing")


async def test_a_models_first_words_are_its_own_thread_s_and_tell_its_loudness(build: Build) -> None:
    house = await build()
    lease = await house.residents.lease("plain")
    assert len(set(entries("close"))) == 1  # one thread warmed it up
    assert await lease.slot.run(lambda: entries("close")[0]) == "speak-plain"
    assert lease.resident.gain_db("one") == pytest.approx(lease.resident.gain_db("two"), abs=0.5)
    assert lease.resident.gain_db("one") != 0
    assert lease.resident.gain_db("unheard") == lease.resident.gain_db("one")
    lease.release()


async def test_progress_is_told_to_everybody_who_asks(build: Build) -> None:
    house = await build(load_delay_s="0.02")

    async def stages() -> list[LoadStage]:
        return [progress.stage async for progress in house.residents.load("remote")]

    first, second = await asyncio.gather(stages(), stages())
    assert first == second
    assert first[-1] is LoadStage.READY
    assert LoadStage.LOADING in first
    assert await stages() == [LoadStage.READY]
    assert entries("load") == ["remote"]


async def test_weights_are_fetched_before_they_are_loaded(build: Build, tmp_path: Path) -> None:
    house = await build()
    assert house.states()["remote"] is ModelState.REMOTE
    seen = [progress async for progress in house.residents.load("remote")]
    assert LoadStage.FETCHING in [progress.stage for progress in seen]
    assert [path.name for path in (tmp_path / "store").rglob("weights.txt")] == ["weights.txt"]
    assert await house.residents.unload("remote") is True
    assert house.states()["remote"] is ModelState.AVAILABLE


async def test_how_much_is_fetched_is_told_with_the_state() -> None:
    class HalfWay:
        """A loader that has three quarters of the files, and then no network any more."""

        models = (
            ModelInfo(id="large", voices=(VoiceInfo("one", ("en",)),), native_rate_hz=1, licence="MIT", size_bytes=1),
        )

        def list_models(self) -> tuple[ModelInfo, ...]:
            return self.models

        def is_here(self, info: ModelInfo) -> bool:
            return False

        async def load(self, info: ModelInfo, report: Report) -> Loaded:
            report(LoadProgress(LoadStage.FETCHING, 3, 4))
            await asyncio.Event().wait()
            raise AssertionError

    residents = Residents(HalfWay(), Policy, Metrics(), lambda _: None)  # type: ignore[arg-type]
    await residents.list_models()
    assert residents.statuses()[0].fetched_percent == 0
    watching = residents.load("large")
    while (await watching.__anext__()).stage is not LoadStage.FETCHING:
        pass
    assert residents.statuses() == (ModelStatus(HalfWay.models[0], ModelState.LOADING, 75),)
    await watching.aclose()  # type: ignore[attr-defined]
    await residents.close()


async def test_who_stops_watching_a_load_does_not_stop_it(build: Build) -> None:
    house = await build(load_delay_s="0.02")
    watching = house.residents.load("plain")
    await watching.__anext__()
    await watching.aclose()  # type: ignore[attr-defined]
    (await house.residents.lease("plain")).release()
    assert entries("load") == ["plain"]


async def test_a_failed_load_is_an_error_for_all_and_is_not_tried_again_at_once(build: Build) -> None:
    house = await build(raise_at="load")
    results = await asyncio.gather(*(house.residents.lease("plain") for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [CannotLoad] * 3
    with pytest.raises(CannotLoad, match="broken at load"):
        await house.residents.lease("plain")
    assert entries("load") == ["plain"]

    house.clock.advance(residents_module.RETRY_LOAD_S)
    with pytest.raises(CannotLoad):
        await house.residents.lease("plain")
    assert entries("load") == ["plain", "plain"]
    assert house.loads("plain", "cannot_load") == 2


async def test_an_explicit_load_is_tried_at_once(build: Build) -> None:
    house = await build(raise_at="load")
    for _ in range(2):
        with pytest.raises(CannotLoad):
            _ = [progress async for progress in house.residents.load("plain")]
    assert entries("load") == ["plain", "plain"]


async def test_a_model_that_loads_but_cannot_speak_is_closed_again(build: Build) -> None:
    house = await build(raise_at="first")
    with pytest.raises(CannotLoad, match="loads but cannot speak with voice 'one': RuntimeError: broken at first"):
        await house.residents.lease("plain")
    await logged("unload")
    assert entries("unload") == ["plain"]


@pytest.mark.parametrize("place", ["load", "middle"])
async def test_an_engine_that_hangs_while_loading_is_reported_as_hanging(build: Build, place: str) -> None:
    house = await build(hang_at=place, timeout_s=0.05)
    with pytest.raises(EngineStalled, match=r"no result after 0\.05 s"):
        await house.residents.lease("plain")
    assert house.stalled == ["plain"]


async def test_unloading_waits_for_the_last_lease(build: Build) -> None:
    house = await build()
    first, second = await house.residents.lease("plain"), await house.residents.lease("plain")
    unloading = asyncio.create_task(house.residents.unload("plain"))
    await asyncio.sleep(0)
    first.release()
    await asyncio.sleep(0.01)
    assert not unloading.done()
    assert entries("unload") == []
    second.release()
    second.release()
    assert await unloading is True
    assert entries("unload") == ["plain"]
    assert await house.residents.unload("plain") is False


async def test_who_comes_while_a_model_leaves_gets_a_fresh_one(build: Build) -> None:
    house = await build()
    old = await house.residents.lease("plain")
    unloading = asyncio.create_task(house.residents.unload("plain"))
    await asyncio.sleep(0)
    new = await house.residents.lease("plain")
    assert new.model is not old.model
    old.release()
    assert await unloading is True
    new.release()


async def test_unloading_a_model_that_is_being_loaded_takes_it_out_again(build: Build) -> None:
    house = await build(load_delay_s="0.02")
    loading = asyncio.create_task(house.residents.lease("plain"))
    await asyncio.sleep(0)
    unloading = asyncio.create_task(house.residents.unload("plain"))
    (await loading).release()
    assert await unloading is True
    assert house.states()["plain"] is ModelState.AVAILABLE


async def test_the_idle_leave_and_the_pinned_stay(build: Build) -> None:
    house = await build(pinned=frozenset({"plain"}))
    for model in ("plain", "stream"):
        (await house.residents.lease(model)).release()
    house.policy = Policy(idle_ttl_s=60)
    house.clock.advance(59)
    house.residents.sweep()
    assert house.states()["stream"] is ModelState.RESIDENT
    house.clock.advance(1)
    house.residents.sweep()
    assert house.states()["stream"] is ModelState.AVAILABLE
    assert house.states()["plain"] is ModelState.RESIDENT


async def test_the_least_recently_used_makes_room_and_has_left_before_the_new_one_comes(build: Build) -> None:
    house = await build()
    house.policy = Policy(max_models=2)
    for model in ("plain", "stream"):
        (await house.residents.lease(model)).release()
        house.clock.advance(1)
    (await house.residents.lease("plain")).release()
    (await house.residents.lease("solo")).release()
    assert [event for event in scripted.log if event[0] in ("load", "unload")] == [
        ("load", "plain"),
        ("load", "stream"),
        ("unload", "stream"),
        ("load", "solo"),
    ]


async def test_two_newcomers_are_not_promised_the_same_room(build: Build) -> None:
    house = await build(load_delay_s="0.02")
    house.policy = Policy(max_models=2)
    for model in ("plain", "stream"):
        (await house.residents.lease(model)).release()
    leases = await asyncio.gather(house.residents.lease("solo"), house.residents.lease("big"))
    assert sorted(entries("unload")) == ["plain", "stream"]
    assert len(house.residents.tenants()) == 2
    for lease in leases:
        lease.release()


async def test_a_model_that_can_never_fit_is_refused_at_once(build: Build) -> None:
    house = await build()
    house.policy = Policy(max_bytes=10_000)
    with pytest.raises(CannotLoad, match="takes 1000000000 bytes, more than max_resident_bytes"):
        await house.residents.lease("big")


async def test_a_newcomer_waits_a_while_for_speech_to_end(build: Build) -> None:
    house = await build()
    house.policy = Policy(max_models=1)
    speaking = await house.residents.lease("plain")
    waiting = asyncio.create_task(house.residents.lease("stream"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    speaking.release()
    (await waiting).release()
    assert entries("unload") == ["plain"]


async def test_no_room_in_time_is_an_honest_no(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents_module, "ROOM_WAIT_S", 0.02)
    house = await build()
    house.clock.advance = lambda by_s: None  # type: ignore[method-assign]
    house.policy = Policy(max_models=1)
    speaking = await house.residents.lease("plain")

    async def pass_time() -> None:
        await asyncio.sleep(0.03)
        house.clock._now_s += 1

    passing = asyncio.create_task(pass_time())
    with pytest.raises(Full, match="no room to load model 'stream' now: utterances are running") as full:
        await house.residents.lease("stream")
    await passing
    assert full.value.retry_after_ms == 1_000
    speaking.release()


async def test_no_room_now_is_room_later(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents_module, "ROOM_WAIT_S", 0.0)
    house = await build()
    house.policy = Policy(max_models=1)
    speaking = await house.residents.lease("plain")
    with pytest.raises(Full):
        await house.residents.lease("stream")
    speaking.release()
    (await house.residents.lease("stream")).release()


async def test_minimum_residency_is_told_as_the_time_to_come_again(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residents_module, "ROOM_WAIT_S", 0.0)
    house = await build()
    house.policy = Policy(max_models=1, min_residency_s=30)
    (await house.residents.lease("plain")).release()
    house.clock.advance(10)
    with pytest.raises(Full, match="have just come") as full:
        await house.residents.lease("stream")
    assert full.value.retry_after_ms == 20_000


async def test_a_reload_swaps_a_changed_model_without_disturbing_who_speaks(build: Build, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.scripted").write_text("300")
    (own / "gone.scripted").write_text("300")
    house = await build(own=(own,))
    old = await house.residents.lease("mine")
    (await house.residents.lease("gone")).release()
    (await house.residents.lease("plain")).release()

    (own / "mine.scripted").write_text("600")
    (own / "gone.scripted").unlink()
    (own / "new.scripted").write_text("400")
    assert await house.residents.reload() == Reloaded(added=("new",), removed=("gone",), swapped=("mine",))

    new = await house.residents.lease("mine")
    assert (old.model.info.revision, new.model.info.revision) == ("300", "600")
    assert entries("unload") == ["gone"]
    old.release()
    await logged("unload", 2)
    assert sorted(entries("unload")) == ["gone", "mine"]
    new.release()


async def test_a_reload_that_changes_nothing_does_nothing(build: Build) -> None:
    house = await build()
    (await house.residents.lease("plain")).release()
    assert await house.residents.reload() == Reloaded()
    assert entries("load") == ["plain"]


async def test_a_swap_that_fails_leaves_the_old_copy(build: Build, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.scripted").write_text("300")
    house = await build(own=(own,))
    (await house.residents.lease("mine")).release()
    (own / "mine.scripted").write_text("no number")
    with pytest.raises(CannotLoad, match="'mine' cannot be loaded"):
        await house.residents.reload()
    (await house.residents.lease("mine")).release()
    assert entries("unload") == []


async def test_closing_lets_everything_go(build: Build) -> None:
    house = await build()
    for model in ("plain", "stream"):
        (await house.residents.lease(model)).release()
    assert await house.residents.close() is True
    assert sorted(entries("unload")) == ["plain", "stream"]


async def test_closing_does_not_wait_for_ever_for_an_engine(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents_module, "CLOSE_S", 0.02)
    house = await build()
    lease = await house.residents.lease("plain")
    assert await house.residents.close() is False
    lease.release()


async def test_a_running_load_is_given_up_on_close(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residents_module, "CLOSE_S", 0.02)
    house = await build(hang_at="load")
    loading = asyncio.create_task(house.residents.lease("plain"))
    await asyncio.sleep(0.01)
    await house.residents.close()
    with pytest.raises(asyncio.CancelledError):
        await loading
