"""The options that break tone on purpose."""

from __future__ import annotations

import dataclasses
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from antiphon_adapter_tone import faults, plugin
from antiphon_adapter_tone.recipes import TONE
from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadRequest, BadSettings
from antiphon_core.models import AdapterSettings, SpeechRequest
from antiphon_core.testkit import NoFiles
from speaking import audio_of, chunks_of, joined

RATE_HZ = TONE.native_rate_hz

TEXT = "one two three four five"
PLAIN = audio_of(TEXT)


@pytest.fixture
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been slept."""
    naps: list[float] = []
    monkeypatch.setattr("antiphon_adapter_tone.faults.time.sleep", naps.append)
    return naps


def at_load(**options: str) -> None:
    plugin.tts_load_model("tone", "cpu", AdapterSettings(files=NoFiles(), options=options))


def test_chunks_are_cut_and_keep_their_marks() -> None:
    whole, cut = chunks_of(TEXT), chunks_of(TEXT, options={"chunk_ms": "30"})
    np.testing.assert_array_equal(joined(cut), PLAIN)
    assert max(len(chunk.samples) for chunk in cut) == 30 * RATE_HZ // 1000
    assert [mark for chunk in cut for mark in chunk.marks] == [mark for chunk in whole for mark in chunk.marks]
    position = 0
    for chunk in cut:
        assert all(position <= mark.sample_offset < position + len(chunk.samples) for mark in chunk.marks)
        position += len(chunk.samples)


def test_silence_is_put_at_either_end_and_marks_move() -> None:
    options = {"leading_silence_ms": "100", "trailing_silence_ms": "50"}
    chunks, lead, trail = chunks_of(TEXT, options=options), RATE_HZ // 10, RATE_HZ // 20
    np.testing.assert_array_equal(joined(chunks), np.concatenate([np.zeros(lead), PLAIN, np.zeros(trail)]))
    plain_marks = [mark.sample_offset for chunk in chunks_of(TEXT) for mark in chunk.marks]
    assert [mark.sample_offset - lead for chunk in chunks for mark in chunk.marks] == plain_marks


def test_silence_is_put_at_the_start_alone() -> None:
    assert len(audio_of(TEXT, options={"leading_silence_ms": "100"})) == len(PLAIN) + RATE_HZ // 10


def test_gain_changes_the_level_and_clips() -> None:
    quiet, loud = (audio_of(TEXT, options={"gain_db": gain}).astype(float) for gain in ("-6.0206", "40"))
    assert np.abs(quiet * 2 - PLAIN).max() <= 2
    assert loud.max() == 32767


def test_a_slow_engine_sleeps_for_what_it_gives(slept_s: list[float]) -> None:
    chunks_of(TEXT, options={"rtf": "0.5", "first_chunk_delay_ms": "250"})
    assert slept_s[1] == 0.25
    assert sum(slept_s[2:]) == pytest.approx(0.5 * len(PLAIN) / RATE_HZ)


def test_the_slow_model_loads_slowly_and_is_slow(slept_s: list[float]) -> None:
    chunks_of(TEXT, model="tone-slow")
    assert slept_s[0] == 0.3
    assert sum(slept_s[1:]) == pytest.approx(0.5 * len(PLAIN) / RATE_HZ)


def test_a_bursty_engine_gives_several_chunks_at_once(slept_s: list[float]) -> None:
    options = {"bursty": "2", "rtf": "1"}
    model = plugin.tts_load_model("tone", "cpu", AdapterSettings(files=NoFiles()))
    naps = []
    for _ in model.synthesize(SpeechRequest(TEXT, "alto", "en", options=options)):
        naps.append(len(slept_s))
    assert [naps[1] - naps[0], naps[2] - naps[1], naps[3] - naps[2], naps[4] - naps[3]] == [0, 1, 0, 1]


@pytest.mark.parametrize(("place", "chunks"), [("first", 0), ("middle", 2)])
def test_it_raises_where_it_is_told_to(place: str, chunks: int) -> None:
    model = plugin.tts_load_model("tone", "cpu", AdapterSettings(files=NoFiles(), options={"raise_at": place}))
    given: list[PcmChunk] = []
    with pytest.raises(RuntimeError, match=f"broke at {place}"):
        given.extend(model.synthesize(SpeechRequest(TEXT, "alto", "en")))
    assert len(given) == chunks


def test_a_request_mends_what_the_host_broke() -> None:
    settings = AdapterSettings(files=NoFiles(), options={"raise_at": "first"})
    assert len(chunks_of(TEXT, settings=settings, options={"raise_at": ""})) == 5


def test_the_middle_of_a_short_text_is_its_end() -> None:
    with pytest.raises(RuntimeError, match="broke at middle"):
        chunks_of("a", options={"raise_at": "middle"})


def test_it_raises_while_loading() -> None:
    with pytest.raises(RuntimeError, match="broke at load"):
        at_load(raise_at="load")


@pytest.mark.parametrize("place", ["load", "first", "middle"])
def test_it_hangs_until_it_is_let_go(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "let_go", threading.Event())
    settings = AdapterSettings(files=NoFiles(), options={"hang_at": place})
    spoken: list[int] = []
    thread = threading.Thread(target=lambda: spoken.append(len(chunks_of(TEXT, settings=settings))))
    thread.start()
    assert not spoken
    faults.let_go.set()
    thread.join(5)
    assert spoken == [5]


def test_it_hangs_no_longer_than_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    waited_s: list[float] = []
    monkeypatch.setattr(faults.let_go, "wait", waited_s.append)
    at_load(hang_at="load", hang_ms="1500")
    assert waited_s == [1.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunkms": "30"}, "no option 'chunkms'; there are: load_ms"),
        ({"chunk_ms": "soon"}, "option chunk_ms is 'soon'; it is a int"),
        ({"raise_at": "end"}, "option raise_at is 'end'; it is one of"),
    ],
)
def test_a_bad_option_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        chunks_of(TEXT, options=options)
    with pytest.raises(BadSettings, match=message):
        at_load(**options)


def test_the_readme_names_every_option() -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text()
    table = readme.split("| option | meaning |")[1]
    first_column = " ".join(row.split("|")[1] for row in table.splitlines() if row.startswith("|"))
    named = set(re.findall(r"`(\w+)`", first_column))
    assert named == {field.name for field in dataclasses.fields(faults.Faults)}
