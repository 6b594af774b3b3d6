from __future__ import annotations

import sys
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_core.store import CallbackProgress, Store
from store.world import Shown, WebServer, entry_of, file_of, index_page, noise, sdist, wheel

MODEL = noise(600_000)
VOCABULARY = b"a b c"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder pip looks into instead of an index."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def index(web: WebServer, shop: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """An index with one wheel."""
    path = wheel(shop, {"tiny/model.bin": MODEL})
    web.files["/simple/tiny/"] = index_page([path.name])
    web.files[f"/files/{path.name}"] = path.read_bytes()
    path.unlink()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.url}/simple")
    return web


def test_files_of_one_wheel_come_by_one_download_and_nothing_else_stays(shop: Path, store: Store) -> None:
    wheel(shop, {"tiny/model.bin": MODEL, "tiny/vocabulary": VOCABULARY})
    folder = store.get(
        entry_of(
            file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"),
            file_of(VOCABULARY, "pypi:tiny==1.0#tiny/vocabulary", path="texts/vocabulary"),
        )
    )
    assert (folder / "model.bin").read_bytes() == MODEL
    assert (folder / "texts/vocabulary").read_bytes() == VOCABULARY
    assert not list(store.root.rglob("*.whl"))


def test_the_download_of_a_wheel_shows_its_progress(index: WebServer, store: Store, shown: Shown) -> None:
    assert (store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))) / "model.bin").read_bytes() == MODEL
    steps = shown.bars[0].steps
    assert len(steps) > 1
    assert steps == sorted(steps)
    assert steps[-1] == len(MODEL)


@pytest.mark.timeout(10)
def test_a_caller_that_gives_up_ends_pip_at_once(index: WebServer, store: Store) -> None:
    class GivenUp(Exception):
        pass

    def give_up(what: str, done_bytes: int, total_bytes: int) -> None:
        if done_bytes:
            raise GivenUp

    entry = entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))
    index.gate.clear()
    with pytest.raises(GivenUp):
        store.get(entry, CallbackProgress(give_up))
    index.gate.set()
    assert not store.have(entry)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_a_wheel_for_another_python_gives_its_data_all_the_same(shop: Path, store: Store) -> None:
    wheel(shop, {"tiny/model.bin": MODEL}, requires_python=">=3.99")
    assert (store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))) / "model.bin").exists()


@pytest.mark.parametrize("tag", ["py3-none-win_arm64", "cp38-cp38-macosx_11_0_arm64"])
def test_a_wheel_for_another_platform_is_had_by_its_tag(shop: Path, store: Store, tag: str) -> None:
    wheel(shop, {"tiny/model.bin": MODEL}, tag=tag)
    with pytest.raises(CannotLoad):
        store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin")))
    assert (store.get(entry_of(file_of(MODEL, f"pypi:tiny==1.0;{tag}#tiny/model.bin"))) / "model.bin").exists()


def test_a_file_of_a_source_archive_is_named_without_its_topmost_folder(shop: Path, store: Store) -> None:
    sdist(shop, {"samples/model.bin": MODEL})
    wheel(shop, {"tiny/model.bin": b"the wheel's"})
    assert (
        store.get(entry_of(file_of(MODEL, "sdist:tiny==1.0#samples/model.bin"))) / "model.bin"
    ).read_bytes() == MODEL


def test_what_pip_keeps_meanwhile_lies_on_the_stores_disk(
    tmp_path: Path, shop: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_BACKEND_LOG", str(tmp_path / "log"))
    sdist(shop, {"model.bin": MODEL})
    store.get(entry_of(file_of(MODEL, "sdist:tiny==1.0#model.bin")))
    assert Path((tmp_path / "log").read_text()).is_relative_to(store.root)


def test_a_pip_that_wants_hashes_is_content_with_the_catalogues(
    shop: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")
    wheel(shop, {"tiny/model.bin": MODEL})
    assert (store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))) / "model.bin").exists()


def test_a_file_in_four_wheels_is_joined_in_their_order(shop: Path, store: Store, shown: Shown) -> None:
    pieces = [MODEL[:100_000], MODEL[100_000:100_001], b"", MODEL[100_001:]]
    for number, piece in enumerate(pieces):
        wheel(shop, {"part.bin": piece}, name=f"tiny_{number}")
    entry = entry_of(file_of(MODEL, {"concat": [f"pypi:tiny-{number}==1.0#part.bin" for number in range(4)]}))
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_a_piece_that_cannot_be_had_is_named(shop: Path, store: Store) -> None:
    wheel(shop, {"part.bin": MODEL}, name="tiny_0")
    entry = entry_of(file_of(MODEL + MODEL, {"concat": ["pypi:tiny-0==1.0#part.bin", "pypi:tiny-1==1.0#part.bin"]}))
    with pytest.raises(CannotLoad, match=r"piece 2, pypi:tiny-1==1.0#part.bin: pip: Could not find"):
        store.get(entry)


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (folder / "tiny-1.0.dist-info").mkdir(parents=True)
    (folder / "tiny-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (folder / "tiny").mkdir()
    (folder / "tiny/model.bin").write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def test_an_installed_package_gives_its_file_without_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Path, store: Store
) -> None:
    installed(tmp_path / "site", monkeypatch, MODEL)
    path = store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))) / "model.bin"
    (tmp_path / "site/tiny/model.bin").write_bytes(b"overwritten later")
    assert path.read_bytes() == MODEL


@pytest.mark.parametrize("content", [b"another version's", None])
def test_an_installed_package_with_another_file_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Path, store: Store, content: bytes | None
) -> None:
    installed(tmp_path / "site", monkeypatch, content or b"")
    if content is None:
        (tmp_path / "site/tiny/model.bin").unlink()
    wheel(shop, {"tiny/model.bin": MODEL})
    path = store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))) / "model.bin"
    assert path.read_bytes() == MODEL


@pytest.mark.parametrize("scheme", ["pypi", "sdist"])
def test_a_member_that_is_not_there_is_answered_with_the_nearest(shop: Path, store: Store, scheme: str) -> None:
    (wheel if scheme == "pypi" else sdist)(shop, {"tiny/modell.bin": MODEL})
    with pytest.raises(CannotLoad, match=r"tiny-1.0.* has no tiny/model.bin; .* tiny/modell.bin"):
        store.get(entry_of(file_of(MODEL, f"{scheme}:tiny==1.0#tiny/model.bin")))


def test_a_damaged_wheel_is_a_failed_source_and_the_next_one_is_asked(
    shop: Path, store: Store, shown: Shown, tmp_path: Path
) -> None:
    path = wheel(shop, {"tiny/model.bin": MODEL})
    content = path.read_bytes()
    path.write_bytes(content[:1000] + b"\0" * 100 + content[1100:])
    (tmp_path / "model.bin").write_bytes(MODEL)
    entry = entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin", "file:model.bin"), folder=tmp_path)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert any("tiny-1.0-py3-none-any.whl cannot be read: Bad CRC-32" in line for line in shown.lines)


def test_a_wheel_with_a_wrong_file_is_not_met_again(shop: Path, store: Store) -> None:
    wheel(shop, {"tiny/model.bin": b"wrong"})
    entry = entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))
    with pytest.raises(CannotLoad, match="it gave 5 bytes with sha256"):
        store.get(entry)
    wheel(shop, {"tiny/model.bin": MODEL})
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_a_release_that_no_index_has_is_told_in_pips_words(shop: Path, store: Store) -> None:
    with pytest.raises(CannotLoad, match=r"pip: Could not find a version.*(?s:.*)let pip reach a package index"):
        store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin")))


def test_an_index_that_cannot_be_reached_is_told_with_its_cause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(CannotLoad, match=r"pip: .*Connection refused"):
        store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin")))


def test_a_pip_that_does_not_start_is_told_in_its_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "many")
    with pytest.raises(CannotLoad, match=r"pip: .*many"):
        store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin")))


def test_an_environment_without_pip_says_how_to_get_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(CannotLoad, match=r"pip is not installed .* python -m ensurepip"):
        store.get(entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin")))
