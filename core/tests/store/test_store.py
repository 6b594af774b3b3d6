from __future__ import annotations

import os
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings, CannotLoad, LicenceRefused, UnknownModel
from antiphon_core.models import ModelFiles
from antiphon_core.store import Catalogue, Entry, Silent, Store, StoreFiles, default_root
from antiphon_core.store import shelf as shelf_module
from antiphon_core.store.checksum import sha256_of
from store.world import Shown, entry_of, file_of, noise

MODEL = noise(300_000)
VOCABULARY = b"a b c"


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    (tmp_path / "model").write_bytes(MODEL)
    (tmp_path / "vocabulary").write_bytes(VOCABULARY)
    files = (file_of(MODEL, "file:model"), file_of(VOCABULARY, "file:vocabulary", path="texts/vocabulary"))
    return entry_of(*files, folder=tmp_path)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose contents were looked at to see whether they are still right."""
    names: list[str] = []

    def counted(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(shelf_module, "sha256_of", counted)
    return names


def test_an_entry_is_fetched_once_and_then_there(tmp_path: Path, entry: Entry, store: Store, shown: Shown) -> None:
    assert not store.have(entry)
    folder = store.get(entry)
    (tmp_path / "model").unlink()
    assert store.have(entry)
    assert store.get(entry) == folder
    assert (folder / "model.bin").read_bytes() == MODEL
    assert (folder / "texts/vocabulary").read_bytes() == VOCABULARY
    assert len(shown.bars) == 1


def test_the_licence_and_size_are_shown_at_the_first_fetch_only(tmp_path: Path, store: Store, shown: Shown) -> None:
    (tmp_path / "model").write_bytes(MODEL)
    notes = {"licence_url": "https://example.org/l", "licence_note": "see NOTICE"}
    entry = entry_of(file_of(MODEL, "file:model"), folder=tmp_path, **notes)
    store.get(entry)
    store.get(entry)
    assert shown.lines == ["tiny: Apache-2.0 (https://example.org/l), 300 kB; see NOTICE"]


def test_an_entry_becomes_visible_whole_or_not_at_all(tmp_path: Path, entry: Entry, store: Store) -> None:
    (tmp_path / "vocabulary").unlink()
    with pytest.raises(CannotLoad, match="cannot fetch texts/vocabulary"):
        store.get(entry)
    assert not (store.root / entry.key).exists()
    assert not store.have(entry)


def test_files_that_came_before_a_failure_are_not_fetched_again(tmp_path: Path, entry: Entry, store: Store) -> None:
    (tmp_path / "vocabulary").unlink()
    with pytest.raises(CannotLoad):
        store.get(entry)
    (tmp_path / "model").unlink()
    (tmp_path / "vocabulary").write_bytes(VOCABULARY)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_nothing_of_the_fetch_stays_beside_the_entry(entry: Entry, store: Store) -> None:
    folder = store.get(entry)
    assert not (store.root / ".partial" / entry.key).exists()
    assert sorted(path.name for path in folder.iterdir()) == [".verified.json", "model.bin", "texts"]


@pytest.mark.parametrize("damage", [b"x" * 300_000, b"cut", b""])
def test_a_corrupt_file_is_never_used_and_fetched_again(
    entry: Entry, store: Store, shown: Shown, damage: bytes
) -> None:
    path = store.get(entry) / "model.bin"
    path.write_bytes(damage)
    assert not store.have(entry)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert "missing or damaged; fetching those again" in shown.lines[-1]
    assert shown.bars[-1].total_bytes == len(MODEL)


def test_a_corrupt_file_with_no_source_left_is_an_error_not_a_model(tmp_path: Path, entry: Entry, store: Store) -> None:
    (store.get(entry) / "model.bin").write_bytes(b"x" * len(MODEL))
    (tmp_path / "model").unlink()
    with pytest.raises(CannotLoad):
        store.get(entry)


def test_a_deleted_file_is_fetched_again(entry: Entry, store: Store) -> None:
    path = store.get(entry) / "texts/vocabulary"
    path.unlink()
    path.parent.rmdir()
    assert not store.have(entry)
    assert (store.get(entry) / "texts/vocabulary").read_bytes() == VOCABULARY


def test_a_folder_in_a_files_place_is_not_taken_for_the_file(entry: Entry, store: Store) -> None:
    path = store.get(entry) / "model.bin"
    path.unlink()
    path.mkdir()
    assert not store.have(entry)
    with pytest.raises(CannotLoad, match=r"the model store at .* failed: .*Is a directory"):
        store.get(entry)


def test_files_are_hashed_again_only_when_they_were_touched(entry: Entry, store: Store, hashed: list[str]) -> None:
    folder = store.get(entry)
    assert store.have(entry)
    assert Store(store.root, progress=Silent()).have(entry)
    assert hashed == []
    os.utime(folder / "model.bin")
    assert store.have(entry)
    assert store.have(entry)
    assert hashed == ["model.bin"]


def test_modification_times_are_whole_seconds_so_that_archives_keep_them(entry: Entry, store: Store) -> None:
    folder = store.get(entry)
    assert (folder / "model.bin").stat().st_mtime_ns % 1_000_000_000 == 0


@pytest.mark.parametrize("record", ["", "[]", "{nonsense", '{"model.bin": 1}'])
def test_a_store_filled_by_hand_is_hashed_and_then_known(
    entry: Entry, store: Store, hashed: list[str], record: str
) -> None:
    folder = store.root / entry.key
    (folder / "texts").mkdir(parents=True)
    (folder / "model.bin").write_bytes(MODEL)
    (folder / "texts/vocabulary").write_bytes(VOCABULARY)
    (folder / ".verified.json").write_text(record)
    assert store.have(entry)
    assert store.get(entry) == folder
    assert hashed == ["model.bin", "vocabulary"]


def test_verify_finds_damage_that_left_size_and_date_as_they_were(entry: Entry, store: Store) -> None:
    path = store.get(entry) / "model.bin"
    before = path.stat().st_mtime_ns
    path.write_bytes(b"x" * len(MODEL))
    os.utime(path, ns=(before, before))
    assert store.have(entry)
    assert store.verify(entry) == ("model.bin",)
    assert not store.have(entry)
    store.get(entry)
    assert store.verify(entry) == ()


def test_verify_of_an_absent_entry_names_all_its_files(entry: Entry, store: Store) -> None:
    assert store.verify(entry) == ("model.bin", "texts/vocabulary")


def test_a_wrong_checksum_falls_to_the_next_source(tmp_path: Path, store: Store, shown: Shown) -> None:
    (tmp_path / "wrong").write_bytes(noise(300_000, "wrong"))
    (tmp_path / "right").write_bytes(MODEL)
    entry = entry_of(file_of(MODEL, "file:wrong", "file:right"), folder=tmp_path)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert "tiny: file:wrong: it gave 300 kB with sha256" in shown.lines[1]


def test_wrong_checksums_everywhere_are_a_clear_error(tmp_path: Path, store: Store) -> None:
    (tmp_path / "wrong").write_bytes(b"wrong")
    entry = entry_of(file_of(MODEL, "file:wrong"), folder=tmp_path)
    with pytest.raises(CannotLoad, match="the catalogue wants 300 kB with") as caught:
        store.get(entry)
    assert caught.value.subject == "tiny"
    assert not store.have(entry)


def test_the_display_is_closed_even_when_a_fetch_fails(store: Store, shown: Shown) -> None:
    with pytest.raises(CannotLoad):
        store.get(entry_of(file_of(MODEL, "file:absent")))
    assert shown.bars[0].closed


def test_a_caller_may_bring_a_display_of_its_own(entry: Entry, store: Store, shown: Shown) -> None:
    own = Shown()
    store.get(entry, own)
    assert shown == Shown()
    assert own.bars[0].steps[-1] == entry.size_bytes


def test_remove_deletes_an_entry_and_what_was_begun(tmp_path: Path, entry: Entry, store: Store) -> None:
    store.get(entry)
    assert store.remove(entry)
    assert not store.have(entry)
    assert not store.remove(entry)
    (tmp_path / "vocabulary").unlink()
    with pytest.raises(CannotLoad):
        store.get(entry)
    assert store.remove(entry)
    assert not list((store.root / ".partial").iterdir())


def test_a_refused_licence_is_neither_fetched_nor_used(entry: Entry, store: Store, shown: Shown) -> None:
    store.get(entry)
    strict = Store(store.root, allow_licences={"MIT", "BSD-2-Clause"}, progress=shown)
    with pytest.raises(
        LicenceRefused, match=r"'tiny' is under Apache-2.0, .* its allow-list is: BSD-2-Clause, MIT"
    ) as no:
        strict.get(entry)
    assert (no.value.subject, no.value.allowed) == ("Apache-2.0", ("BSD-2-Clause", "MIT"))
    assert not strict.have(entry)


def test_an_empty_allow_list_allows_nothing(entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(LicenceRefused, match="its allow-list is: empty"):
        Store(tmp_path / "models", allow_licences=()).get(entry)


def test_a_listing_tells_what_is_here_and_what_is_permitted(tmp_path: Path, entry: Entry, store: Store) -> None:
    other = entry_of(file_of(b"", "file:absent"), id="other", licence="CC-BY-NC-4.0")
    store.get(entry)
    careful = Store(store.root, allow_licences=["apache-2.0"])
    listed = careful.listing(Catalogue(entries=(entry, other)))
    assert [(one.entry.id, one.present, one.permitted) for one in listed] == [
        ("tiny", True, True),
        ("other", False, False),
    ]
    assert listed[0].folder == store.get(entry)


def test_an_adapter_sees_the_entries_of_its_own_catalogue(entry: Entry, store: Store) -> None:
    files: ModelFiles = StoreFiles(store, Catalogue(entries=(entry,)))
    assert not files.have("tiny")
    assert (files.get("tiny") / "model.bin").exists()
    assert files.have("tiny")
    with pytest.raises(UnknownModel, match="no entry 'huge'; it has: tiny"):
        files.get("huge")


def test_the_root_is_the_setting_then_the_variable_then_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert default_root() == tmp_path / ".cache/antiphon/models"
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_root() == Path("/cache/antiphon/models")
    monkeypatch.setenv("ANTIPHON_MODELS", "~/models")
    assert Store().root == tmp_path / "models"
    assert Store(tmp_path / "mine").root == tmp_path / "mine"


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(BadSettings, match="set ANTIPHON_MODELS"):
        default_root()
