"""The standard: every check by name, every limit, and what an author may set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from antiphon_core.models import ModelFiles

CHECKS = {
    "test_the_kit_is_whole": "no check is overridden, no limit loosened without a reason",
    "test_the_plugin_fulfils_the_hook_spec": "both hooks are there, and no hook that nobody calls",
    "test_listing_is_cheap_and_imports_no_engine": "`tts_list_models` is quick, imports no engine and fetches nothing",
    "test_descriptions_are_complete": "ids, languages, rate, licence, size, capabilities and catalogue fit together",
    "test_the_model_loads": "`tts_load_model` gives a Model with the description that was listed",
    "test_an_unknown_model_is_refused": "an unknown id is UnknownModel, not some other model",
    "test_an_unknown_voice_is_refused": "an unknown voice is UnknownVoice, not the default one",
    "test_an_unknown_option_does_no_harm": "an option the engine does not know is ignored or refused",
    "test_every_chunk_has_the_declared_rate": "chunks are PcmChunks at the native rate, none empty",
    "test_chunks_keep_their_samples": "a chunk's samples do not change when the next one is made",
    "test_speech_is_audible": "speech is loud enough to be heard",
    "test_speech_is_not_clipped": "speech does not run into full scale",
    "test_silence_is_short": "speech begins soon and has no holes",
    "test_every_voice_speaks": "every voice speaks, and sounds like no other",
    "test_the_same_seed_gives_the_same_audio": "a seed makes an utterance repeatable",
    "test_speed_changes_duration": "where SPEED is declared, audio is as much shorter or longer as asked",
    "test_the_first_chunk_comes_in_time": "the first chunk of a sentence comes in time",
    "test_gaps_between_chunks_are_short": "the wait for any chunk is short: it bounds how late a cancel can be",
    "test_empty_text_is_refused": "an empty text is BadText",
    "test_huge_text_starts_in_time_or_is_refused": "twenty thousand characters begin soon, or are BadText",
    "test_emoji_do_no_harm": "emoji are spoken, left out or BadText",
    "test_mixed_scripts_do_no_harm": "foreign scripts are spoken, left out or BadText",
    "test_markup_is_plain_text": "what looks like markup is text: it breaks nothing and commands nothing",
    "test_streamed_text_sounds_like_whole_text": "where STREAMING_TEXT is declared, how text is cut does not matter",
    "test_streamed_text_is_spoken_while_it_arrives": "where STREAMING_TEXT is declared, speech begins before text ends",
    "test_word_timings_are_monotone_and_inside_the_audio": "where WORD_TIMINGS is declared, marks are true",
    "test_a_closed_utterance_leaves_the_model_usable": "closing mid-stream is quick and leaves nothing behind",
    "test_utterances_in_parallel_do_not_mix": "`max_concurrency` utterances run at once, and none hears another",
    "test_loading_and_unloading_leaves_nothing_behind": "twenty loads and closes leave no memory and no thread",
}

LIMITS = {
    "first_chunk_s": 1.0,
    "longest_gap_s": 1.0,
    "huge_chunk_s": 3.0,
    "listing_s": 0.5,
    "leading_silence_ms": 500.0,
    "silence_ms": 1500.0,
    "quietness_db": 40.0,
    "clipped_share": 0.001,
    "seed_difference": 0.01,
    "speed_error": 0.2,
    "growth_mb_per_load": 1.0,
    "extra_imports": 0.0,
}
"""Each is a most: an author may lower it; to raise it takes a reason in `loosened`."""


class Standard:
    """What a conformance class may set: the adapter, how to run it, and tighter limits."""

    adapter: ClassVar[str] = ""
    """Name of an installed adapter, or where a plug-in lies: `package.module` or `module:object`."""
    model: ClassVar[str] = ""
    """The model to test; the first one that is listed by default."""
    voice: ClassVar[str] = ""
    device: ClassVar[str] = "cpu"
    sentence: ClassVar[str] = ""
    """About ten words in two clauses, in a language of the voice; the kit has some in a few languages."""
    files: ClassVar[ModelFiles | None] = None
    """Where weights come from: by default this machine's model store, which fetches what the catalogue names."""
    options: ClassVar[Mapping[str, str]] = {}
    model_dirs: ClassVar[tuple[Path, ...]] = ()
    threads: ClassVar[int] = 1
    light_imports: ClassVar[tuple[str, ...]] = ()
    """Packages that listing may import beside its own, core, numpy, pluggy and yaml. Counted by `extra_imports`."""
    patience_s: ClassVar[float] = 15.0
    """How long the kit waits for any one thing before it calls the engine stuck."""
    loosened: ClassVar[Mapping[str, str]] = {}
    """Why a limit is above the standard's, by its name. Shown in the report."""

    first_chunk_s: ClassVar[float] = LIMITS["first_chunk_s"]
    longest_gap_s: ClassVar[float] = LIMITS["longest_gap_s"]
    huge_chunk_s: ClassVar[float] = LIMITS["huge_chunk_s"]
    listing_s: ClassVar[float] = LIMITS["listing_s"]
    leading_silence_ms: ClassVar[float] = LIMITS["leading_silence_ms"]
    silence_ms: ClassVar[float] = LIMITS["silence_ms"]
    quietness_db: ClassVar[float] = LIMITS["quietness_db"]
    """How far below full scale the speech may lie."""
    clipped_share: ClassVar[float] = LIMITS["clipped_share"]
    seed_difference: ClassVar[float] = LIMITS["seed_difference"]
    """Between two takes with one seed: rms of the difference over rms of the speech; 2 for an engine without seeds."""
    speed_error: ClassVar[float] = LIMITS["speed_error"]
    growth_mb_per_load: ClassVar[float] = LIMITS["growth_mb_per_load"]
    extra_imports: ClassVar[float] = LIMITS["extra_imports"]


SETTINGS = frozenset(Standard.__annotations__)
