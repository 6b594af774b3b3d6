"""What a pack says of itself, read without weights and without the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from antiphon_adapter_cosyvoice import plugin
from antiphon_adapter_cosyvoice.pack import Mode, Pack
from antiphon_adapter_cosyvoice.pack_file import find_packs, read_pack
from antiphon_core.errors import BadSettings, UnknownModel
from antiphon_core.models import AdapterSettings, Capability
from antiphon_core.testkit import NoFiles

MODEL_FILES = (
    "cosyvoice2.yaml",
    "campplus.onnx",
    "speech_tokenizer_v2.onnx",
    "llm.pt",
    "flow.pt",
    "hift.pt",
    "CosyVoice-BlankEN/config.json",
    "CosyVoice-BlankEN/model.safetensors",
    "CosyVoice-BlankEN/vocab.json",
    "CosyVoice-BlankEN/merges.txt",
)
DESCRIPTION = {
    "licence": "Apache-2.0",
    "languages": ["en"],
    "voices": {"anna": {"clip": "anna.wav", "transcript": "Hello there."}},
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str = "house", *, voice: object = None, **changes: object) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        content = {**DESCRIPTION, **changes}
        if voice is not None:
            content["voices"] = {"anna": voice}
        (folder / "pack.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return folder

    return written


def read(folder: Path) -> Pack:
    return read_pack(folder / "pack.yaml")


def settings(*folders: Path) -> AdapterSettings:
    return AdapterSettings(files=NoFiles(), model_dirs=folders)


def complete(folder: Path) -> None:
    for name in MODEL_FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"1234")


def test_a_pack_is_named_for_its_folder_unless_it_says_otherwise(write: Write) -> None:
    assert read(write()).id == "house"
    assert read(write(id="choir")).id == "choir"


def test_a_folder_of_packs_and_a_pack_itself_are_both_found(write: Write, tmp_path: Path) -> None:
    one = write("one")
    write("two")
    assert [*find_packs([tmp_path])] == ["one", "two"]
    assert [*find_packs([one])] == ["one"]


def test_two_packs_of_one_id_are_refused(write: Write, tmp_path: Path) -> None:
    write("one", id="same")
    write("two", id="same")
    with pytest.raises(BadSettings, match=r"id 'same' is that of .*one"):
        find_packs([tmp_path])


def test_listing_without_a_pack_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=rf"looked in {tmp_path}.*--own-dir"):
        plugin.tts_list_models(settings(tmp_path))
    with pytest.raises(BadSettings, match="no folder at all"):
        plugin.tts_list_models(settings())


def test_an_unknown_model_is_an_error_that_names_the_packs(write: Write, tmp_path: Path) -> None:
    write("one")
    with pytest.raises(UnknownModel) as caught:
        plugin.tts_load_model("two", "cpu", settings(tmp_path))
    assert caught.value.allowed == ("one",)


def test_a_listed_model_says_what_it_can_do_and_what_it_weighs(write: Write) -> None:
    folder = write()
    complete(folder)
    (info,) = plugin.tts_list_models(settings(folder))
    assert (info.licence, info.native_rate_hz, info.size_bytes) == ("Apache-2.0", 24_000, 6 * 4)
    assert {Capability.STREAMING_TEXT, Capability.CLONING} < info.capabilities
    assert info.voice("anna").languages == ("en",)


def test_the_words_of_a_clip_may_lie_beside_it(write: Write) -> None:
    folder = write(voice={"clip": "anna.wav"})
    (folder / "anna.txt").write_text(" What she says.\n", encoding="utf-8")
    assert read(folder).voices[0].transcript == "What she says."


def test_a_model_may_lie_in_another_folder_and_serve_several_packs(write: Write, tmp_path: Path) -> None:
    complete(write("weights"))
    assert [line for line in read(write("house", model="../weights")).missing() if "house/anna.wav" not in line] == []


def test_checkpoints_may_have_either_of_their_two_names(write: Write) -> None:
    folder = write()
    complete(folder)
    (folder / "llm.pt").rename(folder / "llm-original.pt")
    assert read(folder).weights("llm") == folder / "llm-original.pt"
    assert not any("llm" in line for line in read(folder).missing())
    (folder / "llm.pt").touch()
    assert read(folder).weights("llm") == folder / "llm.pt"


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_missing_file_is_named(write: Write, name: str) -> None:
    folder = write()
    complete(folder)
    (folder / "anna.wav").touch()
    assert read(folder).missing() == []
    (folder / name).unlink()
    assert read(folder).missing() == [f"{folder / name} is missing"]


def test_missing_clips_and_speakers_are_named_with_their_voices(write: Write) -> None:
    voices = {"anna": {"clip": "a.wav", "transcript": "Hi."}, "dora": {"mode": "speaker", "speaker": "dora"}}
    folder = write(voices=voices)
    complete(folder)
    assert read(folder).missing() == [
        f"voice 'anna': its clip {folder / 'a.wav'} is missing",
        f"voice 'dora': {folder / 'spk2info.pt'}, where speakers are saved, is missing",
    ]


def test_a_changed_clip_is_another_revision(write: Write) -> None:
    folder = write()
    before = read(folder).info().revision
    (folder / "anna.wav").write_bytes(b"sound")
    assert read(folder).info().revision != before
    assert read(folder).info() == read(folder).info()


def test_every_mode_is_read(write: Write) -> None:
    voices = {
        "zero": {"clip": "a.wav", "transcript": "Hi."},
        "cross": {"clip": "a.wav", "mode": "cross_lingual"},
        "told": {"clip": "a.wav", "mode": "instruct", "instruct": "Whisper."},
        "saved": {"mode": "speaker", "speaker": "s", "languages": ["zh"]},
    }
    assert [voice.mode for voice in read(write(voices=voices)).voices] == [*Mode]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"licence": ""}, "`licence` is missing"),
        ({"voices": {}}, "names no voice"),
        ({"voices": {"anna": "loud"}}, "voice 'anna' holds no names"),
        ({"colour": "red"}, "has colour; it may have id, licence"),
        ({"default_voice": "bo"}, "`default_voice` is 'bo'; its voices are anna"),
        ({"languages": "en"}, "list of BCP 47 tags"),
        ({"id": 5}, "`id` is 5; it is a text"),
        ({"voice": {"clip": "a.wav"}}, "the words of its clip are missing"),
        ({"voice": {"transcript": "Hi."}}, "`clip` names its recording"),
        ({"voice": {"clip": "a.wav", "mode": "sing"}}, "`mode` is 'sing'; it is one of zero_shot"),
        ({"voice": {"clip": "a.wav", "mode": "instruct"}}, "`instruct` says how to speak"),
        ({"voice": {"clip": "a.wav", "transcript": "Hi.", "instruct": "Sing."}}, "belongs to the mode instruct"),
        ({"voice": {"clip": "a.wav", "transcript": "Hi.", "speaker": "x"}}, "belongs to the mode speaker"),
        ({"voice": {"mode": "speaker"}}, "`speaker` names a saved speaker"),
        ({"voice": {"mode": "speaker", "speaker": "x", "clip": "a.wav"}}, "every mode but speaker needs one"),
        ({"voice": {"clip": "a.wav", "transkript": "Hi."}}, "has transkript"),
    ],
)
def test_a_pack_that_is_wrong_says_what_and_what_is_allowed(
    write: Write, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        read(write(**changes))
    assert said in caught.value.message
    assert "house/pack.yaml" in caught.value.message


@pytest.mark.parametrize("content", [b"voices: [", b"\xff\xfe", b"just words"])
def test_a_file_that_is_no_description_is_refused(write: Write, content: bytes) -> None:
    folder = write()
    (folder / "pack.yaml").write_bytes(content)
    with pytest.raises(BadSettings, match=r"house.pack\.yaml"):
        read(folder)
