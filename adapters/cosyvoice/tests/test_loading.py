"""A pack is loaded from its own files, or refused with all that is wrong with it."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from antiphon_core.errors import BadSettings, CannotLoad
from antiphon_core.models import SpeechRequest
from random_pack import clip
from subjects import TINY, load, settings

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(TINY, tmp_path / "pack"))


def describe(pack: Path, change: Change) -> None:
    content = yaml.safe_load((pack / "pack.yaml").read_text(encoding="utf-8"))
    change(content)
    (pack / "pack.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_everything_that_a_pack_lacks_is_told_at_once(pack: Path) -> None:
    (pack / "llm.pt").unlink()
    (pack / "CosyVoice-BlankEN/merges.txt").unlink()
    (pack / "voices/bo.wav").unlink()
    with pytest.raises(CannotLoad) as caught:
        load(pack)
    assert caught.value.message.splitlines() == [
        f"voice pack 'tiny' in {pack} cannot be used:",
        f"  {pack}/llm.pt is missing",
        f"  {pack}/CosyVoice-BlankEN/merges.txt is missing",
        f"  voice 'bo': its clip {pack}/voices/bo.wav is missing",
    ]


def test_every_clip_that_cannot_serve_is_told_at_once(pack: Path) -> None:
    soundfile.write(pack / "voices/anna.wav", np.zeros(96_000), 24_000)
    (pack / "voices/bo.wav").write_text("no sound", encoding="utf-8")
    with pytest.raises(CannotLoad) as caught:
        load(pack)
    assert "voice 'anna': " in caught.value.message
    assert "it is silent" in caught.value.message
    assert "bo.wav is not audio" in caught.value.message


def test_a_transcript_that_does_not_fit_its_clip_is_refused(pack: Path) -> None:
    describe(pack, lambda content: content["voices"]["anna"].update(transcript="Hi."))
    with pytest.raises(CannotLoad, match=r"voice 'anna': .*its transcript has 2 letters for 4\.2 s of speech"):
        load(pack)


def test_a_checkpoint_cut_short_is_named(pack: Path) -> None:
    (pack / "hift.pt").write_bytes((pack / "hift.pt").read_bytes()[:1000])
    with pytest.raises(CannotLoad, match=r"hift\.pt does not hold the weights of this model's hift"):
        load(pack)


def test_weights_of_another_network_are_named(pack: Path) -> None:
    shutil.copy(pack / "hift.pt", pack / "flow.pt")
    with pytest.raises(CannotLoad, match=r"flow\.pt does not hold the weights of this model's flow"):
        load(pack)


def test_a_checkpoint_with_code_in_it_is_refused_and_its_code_not_run(pack: Path, tmp_path: Path) -> None:
    import torch

    class Attack:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weights": Attack()}, pack / "llm.pt")
    with pytest.raises(CannotLoad, match=r"llm\.pt does not hold the weights"):
        load(pack)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["campplus.onnx", "speech_tokenizer_v2.onnx"])
def test_a_network_that_hears_clips_and_is_cut_short_is_named(pack: Path, name: str) -> None:
    (pack / name).write_bytes(b"onnx?")
    with pytest.raises(CannotLoad, match=rf"{name} is not a network that can be read"):
        load(pack)


def test_an_unknown_saved_speaker_is_an_error_that_lists_those_there_are(pack: Path) -> None:
    describe(pack, lambda content: content["voices"]["dora"].update(speaker="nobody"))
    with pytest.raises(CannotLoad, match="holds no speaker 'nobody'; it holds: dora"):
        load(pack)


def test_a_file_that_holds_no_saved_speakers_is_named(pack: Path) -> None:
    (pack / "spk2info.pt").write_bytes(b"nothing")
    with pytest.raises(CannotLoad, match=r"spk2info\.pt holds no saved speakers"):
        load(pack)


def test_a_speaker_saved_by_the_sound_of_the_voice_alone_speaks(pack: Path) -> None:
    import torch

    torch.save({"dora": {"embedding": torch.randn(1, 192)}}, pack / "spk2info.pt")
    model = load(pack)
    assert len(next(model.synthesize(SpeechRequest("Hello there.", "dora", "en"))).samples)


def test_a_configuration_of_another_engine_is_refused(pack: Path) -> None:
    text = (pack / "cosyvoice2.yaml").read_text(encoding="utf-8")
    (pack / "cosyvoice2.yaml").write_text(text.replace("24000", "22050"), encoding="utf-8")
    with pytest.raises(CannotLoad, match="says sample_rate 22050; CosyVoice 2 speaks at 24000"):
        load(pack)


def test_a_stereo_clip_at_8_khz_makes_a_voice(pack: Path) -> None:
    left = clip(0, 5.0, rate_hz=8_000)
    soundfile.write(pack / "voices/anna.wav", np.stack([left, left], axis=1), 8_000)
    assert len(next(load(pack).synthesize(SpeechRequest("Hello there.", "anna", "en"))).samples)


def test_loading_asks_no_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("loading asked the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    load().close()
    assert capsys.readouterr().out == ""


def test_loading_leaves_chance_to_chance() -> None:
    import torch

    def drawn() -> list[float]:
        load().close()
        return [random.random(), float(np.random.rand()), float(torch.rand(1))]

    assert all(one != other for one, other in zip(drawn(), drawn(), strict=True))


@pytest.mark.parametrize(("device", "said"), [("cuda:7", "cuda:7 was asked for, and torch"), ("mps", "not run on mps")])
def test_a_device_that_is_not_here_is_refused_with_what_is(device: str, said: str) -> None:
    from antiphon_adapter_cosyvoice import plugin

    with pytest.raises(CannotLoad, match=said):
        plugin.tts_load_model("tiny", device, settings())


@pytest.mark.parametrize(("name", "value", "said"), [("fp61", "true", "no option fp61"), ("fp16", "half", "is 'half'")])
def test_an_option_that_makes_no_sense_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        load(**{name: value})
