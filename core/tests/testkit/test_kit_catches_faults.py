"""The kit is worth what it catches: each faulty engine fails the one check that names its fault, and no other."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import ClassVar

import odd_adapters
import odd_life
import odd_speech
import pytest
import sound_engine
from antiphon_core.testkit import AdapterConformance, Subject, life_checks
from antiphon_core.testkit.standard import CHECKS

FAULTS = {
    "test_the_plugin_fulfils_the_hook_spec": ["spare_hook", "wrong_argument", "no_loader", "no_such_object"],
    "test_listing_is_cheap_and_imports_no_engine": [
        "heavy_listing",
        "slow_listing",
        "fetching_listing",
        "dying_listing",
    ],
    "test_descriptions_are_complete": [
        *(
            "nothing_listed",
            "shuffled_listing",
            "twins",
            "no_entry",
            "no_licence",
            "no_size",
            "odd_language",
            "odd_rate",
            "spaced_id",
        ),
        *("twin_voices", "gpu_and_cpu"),
    ],
    "test_the_model_loads": ["breaking_loader", "gives_no_model", "other_info"],
    "test_an_unknown_model_is_refused": ["obliging_loader", "stumbling_loader"],
    "test_an_unknown_voice_is_refused": ["any_voice", "voice_key_error"],
    "test_an_unknown_option_does_no_harm": ["option_key_error"],
    "test_every_chunk_has_the_declared_rate": ["other_rate", "empty_chunk"],
    "test_chunks_keep_their_samples": ["one_buffer"],
    "test_speech_is_audible": ["whisper"],
    "test_speech_is_not_clipped": ["shout"],
    "test_silence_is_short": ["late_voice", "hole"],
    "test_every_voice_speaks": ["mute_voice", "one_voice"],
    "test_the_same_seed_gives_the_same_audio": ["unseeded"],
    "test_speed_changes_duration": ["own_pace", "inverse_pace"],
    "test_the_first_chunk_comes_in_time": ["late_start"],
    "test_gaps_between_chunks_are_short": ["long_gap"],
    "test_huge_text_starts_in_time_or_is_refused": ["all_at_once", "sentence_at_once", "index_error_on_huge"],
    "test_empty_text_is_refused": ["index_error_on_empty", "silence_for_empty"],
    "test_emoji_do_no_harm": ["bmp_only"],
    "test_mixed_scripts_do_no_harm": ["latin_only"],
    "test_markup_is_plain_text": ["parser", "obedient"],
    "test_streamed_text_sounds_like_whole_text": ["piece_by_piece", "other_offsets"],
    "test_streamed_text_is_spoken_while_it_arrives": ["waits_for_all"],
    "test_word_timings_are_monotone_and_inside_the_audio": [
        *("marks_behind", "marks_beyond", "marks_of_nothing", "marks_of_few", "marks_twice", "undeclared_marks"),
    ],
    "test_a_closed_utterance_leaves_the_model_usable": [
        *("no_generator", "stubborn_close", "slow_close", "left_thread", "left_busy", "left_position"),
    ],
    "test_utterances_in_parallel_do_not_mix": ["shared_state", "one_at_a_time", "busy_error"],
    "test_loading_and_unloading_leaves_nothing_behind": ["kept_weights", "kept_thread"],
}
GUARD = "test_the_kit_is_whole"
SLOW = ("test_listing_is_cheap_and_imports_no_engine", "test_loading_and_unloading_leaves_nothing_behind")
"""Checks that take a second; an engine whose listing and loading are the sound one's need not pass them again."""


@pytest.fixture(autouse=True)
def _free(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(life_checks, "SETTLED_S", 0.05)
    yield
    odd_life.let_go()


def failures(engine: str, leave_out: Collection[str] = ()) -> dict[str, str]:
    """The messages of all checks that fail, by name. Time is virtual."""

    class TestEngine(AdapterConformance):
        adapter = f"{_home(engine)}:{engine}"
        sentence = "The old lighthouse still stands, by the harbour."
        patience_s = 3.0
        light_imports = ("sound_engine",)
        extra_imports = 1
        loosened: ClassVar[dict[str, str]] = {"extra_imports": "the faulty engines are made from the sound one"}

    subject = Subject(TestEngine, sound_engine.CLOCK)
    failed = {}
    try:
        for name in (name for name in CHECKS if name not in leave_out):
            check = getattr(TestEngine(), name)
            arguments = [{"record_property": lambda *_: None}] if name == GUARD else _parameters(check)
            for more in arguments:
                try:
                    check(antiphon_subject=subject, **more)
                except pytest.skip.Exception:
                    pass
                except (Exception, pytest.fail.Exception) as error:
                    failed[name] = str(error)
    finally:
        subject.release()
    return failed


def _home(engine: str) -> str:
    homes = [
        module.__name__ for module in (sound_engine, odd_adapters, odd_speech, odd_life) if hasattr(module, engine)
    ]
    return homes[0] if homes else sound_engine.__name__


def _parameters(check: object) -> list[dict[str, object]]:
    marks = getattr(check, "pytestmark", [])
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def test_a_listing_that_takes_for_ever_is_given_up() -> None:
    class TestEngine(AdapterConformance):
        adapter = "sound_engine:sound"
        patience_s = 0.01

    with pytest.raises(pytest.fail.Exception, match=r"listing took more than 0\.01 s"):
        TestEngine().test_listing_is_cheap_and_imports_no_engine(Subject(TestEngine))


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert set(FAULTS) == set(CHECKS) - {GUARD}


@pytest.mark.parametrize("engine", ["sound", "solo", "limited_length", "refuses_options"])
def test_a_sound_engine_passes(engine: str) -> None:
    assert failures(engine) == {}


@pytest.mark.parametrize(("engine", "check"), [(engine, check) for check in FAULTS for engine in FAULTS[check]])
def test_a_fault_fails_exactly_the_check_that_names_it(engine: str, check: str) -> None:
    lists_and_loads_soundly = type(getattr(sys.modules[_home(engine)], engine, None)) is sound_engine.Plugin
    failed = failures(engine, leave_out=SLOW if lists_and_loads_soundly and check not in SLOW else ())
    assert list(failed) == [check], failed
    assert "What to do: " in failed[check]
