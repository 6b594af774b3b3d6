from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings, UnknownModel
from antiphon_core.store import Catalogue, catalogue_of, load_catalogue

SHA256 = "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8"
GOOD = f"""
entries:
  - id: hibari
    licence: Apache-2.0
    licence_url: https://example.org/licence
    licence_note: see NOTICE
    description: one English voice
    files:
      - path: assets/hibari.onnx
        sha256: {SHA256}
        size_bytes: 7936868
        sources:
          - pypi:hibari-tts==0.2.1#hibari/assets/hibari.onnx
          - pypi:moonshine-voice==0.1.0;py3-none-manylinux_2_34_x86_64#a/b.ort
          - sdist:pywhispercpp==1.5.1#whisper.cpp/samples/jfk.wav
          - hf:org/repo@main/hibari.onnx
          - https://example.org/hibari.onnx
          - file:hibari.onnx
          - concat: ["pypi:one==0.1#part.bin", "pypi:two==0.1#part.bin"]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_catalogue_tells_entries_files_sizes_and_sources(tmp_path: Path) -> None:
    entry = load_catalogue(written(tmp_path, GOOD)).entry("hibari")
    assert (entry.licence, entry.size_bytes, entry.files[0].path) == ("Apache-2.0", 7936868, "assets/hibari.onnx")
    sources = [str(source) for source in entry.files[0].sources]
    assert sources[0] == "pypi:hibari-tts==0.2.1#hibari/assets/hibari.onnx"
    assert sources[-1] == "concat:pypi:one==0.1#part.bin + pypi:two==0.1#part.bin"


def test_an_unknown_entry_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="no entry 'hibary'; it has: hibari") as caught:
        load_catalogue(written(tmp_path, GOOD)).entry("hibary")
    assert caught.value.allowed == ("hibari",)


def test_an_empty_catalogue_says_that_it_is_empty() -> None:
    with pytest.raises(UnknownModel, match="none at all"):
        Catalogue().entry("hibari")


@pytest.mark.parametrize(
    ("before", "after", "place", "reason"),
    [
        ("pypi:hibari", "gem:hibari", "entry 'hibari', files[0].sources[0]", "unknown scheme 'gem'; there are: file"),
        ("pypi:hibari-tts==0.2.1", "pypi:hibari-tts", "entry 'hibari', files[0].sources[0]", "form pypi:name==version"),
        (";py3-none-manylinux_2_34_x86_64", ";linux", "entry 'hibari', files[0].sources[1]", "'linux' is no wheel tag"),
        ("sdist:pywhispercpp==1.5.1", "sdist:p==1;py3-none-any", "files[0].sources[2]", "has no tag"),
        ("hf:org/repo@main", "hf:org/repo", "entry 'hibari', files[0].sources[3]", "form hf:org/repo@revision/path"),
        ("https://example.org/hib", "https:hib", "entry 'hibari', files[0].sources[4]", "https://host/path"),
        ("file:hibari.onnx", "'file:'", "entry 'hibari', files[0].sources[5]", "names a path"),
        ("pypi:two==0.1", "two==0.1", "entry 'hibari', files[0].sources[6]", "unknown scheme 'two=="),
        ('["pypi:one==0.1#part.bin", "pypi:two==0.1#part.bin"]', "[]", "files[0].sources[6]", "at least one"),
        ("- file:hibari.onnx", "- 17", "entry 'hibari', files[0].sources[5]", "a source is a text"),
        (SHA256, "5f70", "entry 'hibari', files[0].sha256", "match pattern"),
        ("size_bytes: 7936868", "size_bytes: many", "entry 'hibari', files[0].size_bytes", "valid integer"),
        ("    licence: Apache-2.0\n", "", "entry 'hibari', licence", "Field required"),
        ("licence_note", "license_note", "entry 'hibari', license_note", "not permitted"),
        ("id: hibari\n", "id: ../hibari\n", "entry '../hibari', id", "match pattern"),
        ("- id: hibari\n   ", "-", "entry 1, id", "Field required"),
        ("path: assets/hibari.onnx", "path: ../hibari.onnx", "files[0].path", "relative to the entry's folder"),
        ("path: assets/hibari.onnx", "path: a/../../b", "files[0].path", "relative to the entry's folder"),
        ("path: assets/hibari.onnx", "path: /etc/passwd", "files[0].path", "relative to the entry's folder"),
        ("entries:", "models:", "models", "not permitted"),
    ],
)
def test_a_malformed_catalogue_is_refused_by_file_entry_and_key(
    tmp_path: Path, before: str, after: str, place: str, reason: str
) -> None:
    assert before in GOOD
    path = written(tmp_path, GOOD.replace(before, after))
    with pytest.raises(BadSettings) as caught:
        load_catalogue(path)
    line = next(line for line in caught.value.message.splitlines() if place in line)
    assert str(path) in caught.value.message
    assert reason in line


def test_every_fault_of_a_catalogue_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace(SHA256, "x").replace("size_bytes: 7936868", "size_bytes: -1")
    with pytest.raises(BadSettings, match=r"sha256.*\n.*size_bytes"):
        load_catalogue(written(tmp_path, text))


def test_two_entries_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"entries: .*more than once: hibari"):
        load_catalogue(written(tmp_path, GOOD + GOOD.replace("entries:\n", "")))


def test_a_file_that_is_not_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"(?s)cannot read the catalogue .*line 2"):
        load_catalogue(written(tmp_path, "entries:\n  - [unclosed"))


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="the file: Input should be"):
        load_catalogue(written(tmp_path, "- hibari"))


def test_a_missing_catalogue_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot read the catalogue"):
        load_catalogue(tmp_path / "absent.yaml")


def test_one_id_with_other_contents_has_another_key(tmp_path: Path) -> None:
    other = load_catalogue(written(tmp_path, GOOD.replace(SHA256, SHA256[::-1]))).entry("hibari")
    same = load_catalogue(written(tmp_path, GOOD.replace("Apache-2.0", "MIT"))).entry("hibari")
    entry = load_catalogue(written(tmp_path, GOOD)).entry("hibari")
    assert entry.key == same.key != other.key
    assert entry.key.startswith("hibari-")


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a plug-in module that must not be imported."""
    folder = tmp_path / "antiphon_adapter_planted"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "plugin.py").write_text("raise AssertionError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop("antiphon_adapter_planted", None)


@pytest.mark.parametrize("module", ["antiphon_adapter_planted", "antiphon_adapter_planted.plugin"])
def test_the_catalogue_beside_a_plugin_is_found_without_importing_it(plugin: Path, module: str) -> None:
    (plugin / "catalogue.yaml").write_text(GOOD, encoding="utf-8")
    assert [entry.id for entry in catalogue_of(module).entries] == ["hibari"]


def test_a_package_without_a_catalogue_has_an_empty_one(plugin: Path) -> None:
    assert catalogue_of("antiphon_adapter_planted").entries == ()


@pytest.mark.parametrize("module", ["antiphon_adapter_absent", "antiphon_adapter_absent.plugin"])
def test_a_module_that_is_not_there_is_an_error(module: str) -> None:
    with pytest.raises(BadSettings, match="no module 'antiphon_adapter_absent"):
        catalogue_of(module)
