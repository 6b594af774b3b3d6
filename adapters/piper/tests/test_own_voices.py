"""Voices of the operator's own, and what is wrong with those that do not load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from antiphon_adapter_piper import plugin
from antiphon_core.errors import CannotLoad, UnknownVoice
from antiphon_core.models import AdapterSettings, Capability, SpeechRequest
from antiphon_core.store import Store, StoreFiles, catalogue_of
from antiphon_core.testkit import NoFiles
from antiphon_core.worker.main import main
from onnx import TensorProto, helper

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="session")
def joe() -> Path:
    """The folder of a real voice."""
    return StoreFiles(Store(), catalogue_of(plugin.__name__)).get("en_US-joe-medium")


@pytest.fixture
def mine(tmp_path: Path, joe: Path) -> Path:
    """A real voice as a file of one's own."""
    for suffix in (".onnx", ".onnx.json"):
        shutil.copy(joe / f"en_US-joe-medium{suffix}", tmp_path / f"mine{suffix}")
    return tmp_path


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "mine.onnx.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tiny_network(path: Path, *, speakers: bool, ceils: int = 1) -> None:
    """A network with Piper's inputs that makes a constant tone, as loud as the speaker's number."""
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    level = "sid" if speakers else "input_lengths"
    if speakers:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    nodes = [
        helper.make_node("Cast", ["input"], ["seen"], to=TensorProto.FLOAT),
        *(helper.make_node("Ceil", ["seen"], [f"lengths{number}"]) for number in range(ceils)),
        helper.make_node("Cast", [level], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["level", "hundred"], ["part"]),
        helper.make_node("Expand", ["part", "shape"], ["output"]),
    ]
    constants = [
        helper.make_tensor("hundred", TensorProto.FLOAT, [], [100.0]),
        helper.make_tensor("shape", TensorProto.INT64, [1], [4000]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [4000])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def settings(folder: Path, **options: str) -> AdapterSettings:
    return AdapterSettings(NoFiles(), options, (folder,))


def load(folder: Path, **options: str) -> Any:
    return plugin.tts_load_model("mine", "cpu", settings(folder, **options))


def check(folder: Path) -> int:
    """Runs `worker --check` on it."""
    return main(["--adapter", "piper", "--check", "--model", "mine", "--own-dir", str(folder)])


def test_a_voice_of_ones_own_speaks(mine: Path) -> None:
    model = load(mine)
    assert (model.info.files, model.info.voices[0].languages) == ("", ("en-US", "en"))
    assert len(next(model.synthesize(SpeechRequest("Hello.", "joe", "en"))).samples) > 5000


def test_voices_in_folders_below_are_found_and_replace_those_of_the_catalogue(tmp_path: Path, joe: Path) -> None:
    shutil.copytree(joe, tmp_path / "de")
    infos = {info.id: info for info in plugin.tts_list_models(settings(tmp_path))}
    assert infos["en_US-joe-medium"].files == ""
    assert infos["en_US-joe-medium"].revision


def test_a_changed_file_is_another_revision(mine: Path) -> None:
    before = plugin.tts_list_models(settings(mine))
    rewrite(mine, num_symbols=255)
    assert plugin.tts_list_models(settings(mine)) != before


def test_speakers_are_voices_by_their_names(mine: Path) -> None:
    tiny_network(mine / "mine.onnx", speakers=True)
    rewrite(mine, num_speakers=2, speaker_id_map={"Bea C.": 30, "ann": 20})
    model = load(mine)
    assert [voice.id for voice in model.info.voices] == ["ann", "Bea_C."]
    levels = [next(model.synthesize(SpeechRequest("Hello.", voice.id, "en"))).samples[0] for voice in model.info.voices]
    np.testing.assert_allclose(levels, [0.2 * 32767, 0.3 * 32767], atol=1)


def test_speakers_without_names_are_numbered(mine: Path) -> None:
    tiny_network(mine / "mine.onnx", speakers=True)
    rewrite(mine, num_speakers=3)
    assert [voice.id for voice in load(mine).info.voices] == ["0", "1", "2"]


def test_an_unknown_speaker_is_refused_by_name(mine: Path) -> None:
    tiny_network(mine / "mine.onnx", speakers=True)
    rewrite(mine, num_speakers=2, speaker_id_map={"ann": 0, "bea": 1})
    with pytest.raises(UnknownVoice, match="has no voice 'cat'; it has: mine/ann, mine/bea"):
        next(load(mine).synthesize(SpeechRequest("Hello.", "cat", "en")))


def test_a_language_without_blanks_has_no_marks(mine: Path) -> None:
    rewrite(mine, language={"code": "zh_CN"})
    assert Capability.WORD_TIMINGS not in plugin.tts_list_models(settings(mine))[-1].capabilities


def test_a_licence_may_be_written_into_the_configuration(mine: Path) -> None:
    assert plugin.tts_list_models(settings(mine))[-1].licence == "LicenseRef-unknown"
    rewrite(mine, licence="CC-BY-4.0")
    assert plugin.tts_list_models(settings(mine))[-1].licence == "CC-BY-4.0"


def test_a_configuration_without_its_network_is_told_by_check(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "mine.onnx").unlink()
    assert check(mine) == 1
    assert "mine.onnx is missing; mine.onnx.json in" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{}, {"timings": "off"}])
def test_a_network_cut_short_is_told(mine: Path, options: dict[str, str]) -> None:
    path = mine / "mine.onnx"
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(CannotLoad, match=r"mine\.onnx cannot be loaded: .*it may have been cut short"):
        load(mine, **options)


def test_a_network_cut_short_is_told_by_check(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = mine / "mine.onnx"
    path.write_bytes(path.read_bytes()[:1_000_000])
    assert check(mine) == 1
    assert "it may have been cut short" in capsys.readouterr().err


@pytest.mark.parametrize("written", ["", "[]", "{", "{}", '{"audio": {}}', "\udc80"])
def test_a_configuration_that_is_none_is_listed_and_told_when_it_is_loaded(mine: Path, written: str) -> None:
    (mine / "mine.onnx.json").write_bytes(written.encode("utf-8", "surrogateescape"))
    with pytest.raises(CannotLoad, match="is no Piper configuration"):
        load(mine)
    assert len(plugin.tts_list_models(settings(mine))) == len(plugin.tts_list_models(settings(mine / "none"))) + 1


def test_a_network_without_lengths_of_phonemes_asks_for_timings_off(mine: Path) -> None:
    tiny_network(mine / "mine.onnx", speakers=False, ceils=2)
    with pytest.raises(CannotLoad, match="timings=off"):
        load(mine)
    assert len(next(load(mine, timings="off").synthesize(SpeechRequest("Hello.", "joe", "en"))).samples) == 4000


def test_more_speakers_than_the_network_was_described_with_cannot_happen(mine: Path) -> None:
    rewrite(mine, num_speakers=0)
    with pytest.raises(CannotLoad, match="no Piper configuration"):
        load(mine)
