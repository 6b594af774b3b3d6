"""What the kit offers beside its checks."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import antiphon_core.testkit as testkit
import numpy as np
import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.hookspecs import ENTRY_POINT_GROUP
from antiphon_core.store import StoreFiles
from antiphon_core.testkit import (
    AdapterConformance,
    FolderFiles,
    NoFiles,
    Subject,
    VirtualClock,
    contract_checks,
    listing_probe,
    load_plugin,
    loading,
)
from antiphon_core.testkit.sound import clipped_share, difference, level_db, silences_ms
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.texts import SENTENCES, sentence_for
from antiphon_core.testkit.utterance import Utterance

pytestmark = pytest.mark.unit


def test_the_package_offers_only_what_it_names() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        testkit.nothing  # noqa: B018


def test_an_empty_store_says_how_to_fill_it() -> None:
    assert not NoFiles().have("weights")
    with pytest.raises(LookupError, match="FolderFiles"):
        NoFiles().get("weights")


def test_a_folder_is_a_store(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    files = FolderFiles(tmp_path)
    assert files.have("weights")
    assert files.get("weights") == tmp_path / "weights"
    assert not files.have("others")
    with pytest.raises(LookupError, match="no folder 'others'"):
        files.get("others")


def test_plugins_are_found_by_where_they_lie() -> None:
    import sound_engine

    assert load_plugin("sound_engine:sound") is sound_engine.sound


def test_the_probe_lists_in_a_process_of_its_own_what_it_was_told_to() -> None:
    job = {"path": sys.path, "adapter": "odd_adapters:twins", "options": {}, "model_dirs": ["a"]}
    report = listing_probe.probe(job)
    assert report == {"listing_s": pytest.approx(0, abs=1), "imported": report["imported"], "error": ""}
    job |= {"adapter": "odd_adapters:wrong_listing", "model_dirs": []}
    assert listing_probe.probe(job)["error"] == "ValueError: no folder"


def test_an_adapter_without_dots_is_looked_for_among_the_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("sound", "sound_engine:sound", ENTRY_POINT_GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda group: [point])
    assert loading.find_entry_point("sound") == point
    with pytest.raises(LookupError, match="there are: sound"):
        loading.find_entry_point("other")


def test_a_sentence_is_known_by_its_language_or_is_english() -> None:
    assert sentence_for("de-AT") == SENTENCES["de"]
    assert sentence_for("tlh") == SENTENCES["en"]


def test_level_and_clipping_are_measured() -> None:
    assert level_db(np.full(100, 3277, np.int16)) == pytest.approx(20, abs=0.1)
    assert level_db(np.zeros(0, np.int16)) > 100
    assert clipped_share(np.array([32767, -32768, 0, 5], np.int16)) == 0.5


def test_silences_are_found_at_both_ends_and_within() -> None:
    on, off = np.full(800, 1000, np.int16), np.zeros(800, np.int16)
    assert silences_ms(np.concatenate([off, on, off, off, on, off]), 8_000) == [(0, 100), (200, 200), (500, 100)]
    assert silences_ms(off, 8_000) == [(0, 100)]
    assert silences_ms(on, 8_000) == []


def test_difference_is_relative_and_whole_for_other_lengths() -> None:
    one = np.full(100, 1000, np.int16)
    assert difference(one, one) == 0
    assert difference(one, one + np.int16(10)) == pytest.approx(0.01)
    assert difference(one, one[1:]) == 2
    assert difference(one[:0], one[:0]) == 0


def test_a_stuck_engine_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    utterance = Utterance(lambda: iter([]), 8_000, 0.01, VirtualClock())
    with pytest.raises(pytest.fail.Exception, match="no sign of life"):
        utterance.answer()
    assert utterance.close() == 0


def test_closing_before_the_first_chunk_is_fine() -> None:
    utterance = Utterance(lambda: iter([]), 8_000, 5, VirtualClock())
    assert utterance.close() == 0
    assert not utterance.is_closable


def test_what_is_no_chunk_is_refused() -> None:
    utterance = Utterance(lambda: iter([b"pcm"]), 8_000, 5, VirtualClock())  # type: ignore[list-item]
    with pytest.raises(pytest.fail.Exception, match="gave a bytes"):
        utterance.step()
    utterance.close()


def test_what_closing_raises_comes_out() -> None:
    def stubborn():  # type: ignore[no-untyped-def]
        try:
            yield b""
        finally:
            raise OSError("no")

    utterance = Utterance(stubborn, 8_000, 5, VirtualClock())
    utterance.ask()
    with pytest.raises(pytest.fail.Exception):
        utterance.answer()
    with pytest.raises(OSError, match="no"):
        utterance.close()


async def test_sleepers_wake_in_order_and_at_their_time() -> None:
    clock, woken = VirtualClock(), []

    async def sleeper(delay_s: float) -> None:
        await clock.sleep(delay_s)
        woken.append((delay_s, clock()))

    tasks = [asyncio.create_task(sleeper(delay_s)) for delay_s in (3.0, 1.0, 2.0)]
    await clock.run_for(2.5)
    assert woken == [(1.0, 1.0), (2.0, 2.0)]
    assert clock() == 2.5
    await clock.run_for(1.0)
    assert woken[2:] == [(3.0, 3.0)]
    await asyncio.gather(*tasks)


async def test_advancing_wakes_all_whose_time_has_come() -> None:
    clock = VirtualClock(10.0)
    task, cancelled = asyncio.create_task(clock.sleep(1.0)), asyncio.create_task(clock.sleep(1.0))
    await asyncio.sleep(0)
    cancelled.cancel()
    clock.advance(0.5)
    assert not task.done()
    clock.advance(0.5)
    await task
    assert clock() == 11.0


def test_weights_come_from_the_store_unless_the_class_has_its_own(tmp_path: Path) -> None:
    class TestStored(Standard):
        adapter = "sound_engine:sound"

    class TestFolder(Standard):
        adapter = "sound_engine:sound"
        files = FolderFiles(tmp_path)

    assert isinstance(Subject(TestStored).settings.files, StoreFiles)
    assert Subject(TestFolder).settings.files is TestFolder.files


def test_a_malformed_catalogue_is_a_fault_of_the_description(monkeypatch: pytest.MonkeyPatch) -> None:
    class TestEngine(AdapterConformance):
        adapter = "sound_engine:sound"
        files = NoFiles()

    def malformed(module: str) -> None:
        raise BadSettings("the catalogue is malformed: entry 1, sha256: missing")

    monkeypatch.setattr(contract_checks, "catalogue_of", malformed)
    with pytest.raises(pytest.fail.Exception, match="entry 1, sha256: missing"):
        TestEngine().test_descriptions_are_complete(Subject(TestEngine))
