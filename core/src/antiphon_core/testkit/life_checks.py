"""Checks of what stays behind: after a cancel, beside another utterance, after a close."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from itertools import combinations

import psutil
import pytest

from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.utterance import Utterance
from antiphon_core.testkit.verdict import described, refuse

LOADS = 20
_LOADS_A_ROUND = 5
_MOST_IN_PARALLEL = 8
SETTLED_S = 1.0
"""How long threads that are about to end may take."""
_MB = 1_000_000
_LESS_AT_ONCE = "share no state between utterances, or declare a lower max_concurrency"


class LifeChecks(Standard):
    """Cancelling, running in parallel, loading and closing."""

    def test_a_closed_utterance_leaves_the_model_usable(self, antiphon_subject: Subject) -> None:
        try:
            _check_after_close(self, antiphon_subject, " ".join([antiphon_subject.sentence] * 3))
        finally:
            antiphon_subject.release()

    def test_utterances_in_parallel_do_not_mix(self, antiphon_subject: Subject) -> None:
        together = min(antiphon_subject.info.max_concurrency, _MOST_IN_PARALLEL)
        if together == 1:
            pytest.skip("max_concurrency is 1")
        words = antiphon_subject.sentence.split()
        texts = [" ".join([*words[at % len(words) :], *words]) for at in range(together)]
        alone = [antiphon_subject.speak(text) for text in texts]
        utterances = [antiphon_subject.utter(text) for text in texts]
        try:
            error = _lockstep(utterances)
        finally:
            for utterance in utterances:
                utterance.close()
        if error:
            refuse(f"{together} utterances at once raised {described(error)}", _LESS_AT_ONCE)
        for text, before, utterance in zip(texts, alone, utterances, strict=True):
            if not antiphon_subject.alike(before, utterance.spoken):
                refuse(
                    f"{text!r} sounds different beside {together - 1} other utterances",
                    _LESS_AT_ONCE,
                )

    @pytest.mark.parametrize("first", range(1, LOADS + 1, _LOADS_A_ROUND))
    def test_loading_and_unloading_leaves_nothing_behind(self, antiphon_subject: Subject, first: int) -> None:
        antiphon_subject.model  # noqa: B018 # skips where it does not load
        antiphon_subject.release()
        for _ in range(_LOADS_A_ROUND):
            antiphon_subject.model  # noqa: B018 # loads and speaks
            antiphon_subject.release()
            antiphon_subject.growth.append(_footprint(antiphon_subject))
        if len(antiphon_subject.growth) >= LOADS:
            _check_growth(self, antiphon_subject.growth[_LOADS_A_ROUND:])


def _check_after_close(standard: Standard, subject: Subject, text: str) -> None:
    whole = subject.speak(text)
    threads = threading.active_count()
    _check_close(standard, subject.utter(text))
    left = _settled(threading.active_count, threads) - threads
    if left > 0:
        refuse(f"{left} threads run on after a close", "end in `finally` what the generator has started")
    try:
        again = subject.speak(text)
    except Exception as error:
        refuse(f"after a close the model raised {described(error)}", "release in `finally`: any yield may be the last")
    if not subject.alike(whole, again):
        refuse("after a close the model speaks unlike before", "keep an utterance's state in the generator")


def _check_close(standard: Standard, utterance: Utterance) -> None:
    utterance.step()
    try:
        took_s = utterance.close()
    except Exception as error:
        refuse(f"closing an utterance raised {described(error)}", "let GeneratorExit through")
    if not utterance.is_closable:
        refuse("what synthesize gives cannot be closed, so it cannot be cancelled", "write it as a generator")
    if took_s > standard.longest_gap_s:
        refuse(f"closing took {took_s:.2f} s; {standard.longest_gap_s:g} s is allowed", "wait for nothing in `finally`")


def _lockstep(utterances: list[Utterance]) -> Exception | None:
    """Pulls all of them together, chunk by chunk; gives back what one of them raised."""
    running, failed = list(utterances), None
    while running and not failed:
        for utterance in running:
            utterance.ask()
        going_on = []
        for utterance in running:
            try:
                if utterance.answer():
                    going_on.append(utterance)
            except Exception as error:
                failed = error
        running = going_on
    return failed


def _footprint(subject: Subject) -> tuple[float, int]:
    """Memory in MB and threads; those that are about to end may."""
    gc.collect()
    if sys.platform == "linux":
        # Memory that glibc keeps for later is not lost: it goes back first. Other C libraries have no such call.
        getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
    process = psutil.Process(os.getpid())
    expected = subject.growth[-1][1] if subject.growth else 0
    threads = _settled(process.num_threads, expected) if expected else process.num_threads()
    return process.memory_info().rss / _MB, threads


def _check_growth(standard: Standard, footprints: list[tuple[float, int]]) -> None:
    """The first loads fill caches; what every later one adds is lost."""
    pairs = combinations(enumerate(memory_mb for memory_mb, _ in footprints), 2)
    # The median slope over all pairs ignores what one load alone did.
    slope_mb = statistics.median((later_mb - mb) / (later - load) for (load, mb), (later, later_mb) in pairs)
    if slope_mb > standard.growth_mb_per_load:
        refuse(
            f"every load and close leaves {slope_mb:.1f} MB; {standard.growth_mb_per_load:g} MB is allowed",
            "drop every reference to the weights in close(): caches, hooks and globals too",
        )
    left = footprints[-1][1] - footprints[0][1]
    if left > len(footprints) // 4:
        refuse(f"{len(footprints)} loads and closes left {left} threads", "end the engine's threads in close()")


def _settled(count: Callable[[], int], at_most: int) -> int:
    """The count once it is low enough, or after a while: threads take a moment to end."""
    deadline_s = time.monotonic() + SETTLED_S
    while (now := count()) > at_most and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return now
