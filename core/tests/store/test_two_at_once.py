"""Several threads and processes that want one entry at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from antiphon_core.store import Entry, Silent, Store, load_catalogue
from store.world import Shown, WebServer, noise, sha256

MODEL = noise(300_000)
_FETCH = """
import sys
from pathlib import Path
from antiphon_core.store import Lines, Store, load_catalogue
entry = load_catalogue(Path(sys.argv[2])).entry("tiny")
print((Store(Path(sys.argv[1]), progress=Lines(sys.stderr)).get(entry) / "model.bin").stat().st_size)
"""


@pytest.fixture
def catalogue(tmp_path: Path, web: WebServer) -> Path:
    web.files["/model.bin"] = MODEL
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        f"entries: [{{id: tiny, licence: MIT, files: [{{path: model.bin, sha256: {sha256(MODEL)}, "
        f"size_bytes: {len(MODEL)}, sources: ['{web.url}/model.bin']}}]}}]"
    )
    return path


@pytest.fixture
def entry(catalogue: Path) -> Entry:
    return load_catalogue(catalogue).entry("tiny")


@pytest.fixture
def fetching(store: Store, catalogue: Path) -> Iterator[Callable[[], Popen[str]]]:
    """Starts processes that fetch the entry into the store."""
    processes: list[Popen[str]] = []

    def start() -> Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _FETCH, str(store.root), str(catalogue)]
        processes.append(Popen(command, env=environment, stdout=PIPE, stderr=PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        with process:
            process.kill()


def wait_for_line(process: Popen[str], wanted: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if wanted in line:
            return
    raise AssertionError(f"it never said {wanted!r}")


def test_two_processes_fetch_once_and_the_second_says_that_it_waits(
    web: WebServer, fetching: Callable[[], Popen[str]]
) -> None:
    web.gate.clear()
    first = fetching()
    wait_for_line(first, "tiny: MIT, 300 kB")
    second = fetching()
    wait_for_line(second, "tiny: another thread or process is fetching it; waiting")
    web.gate.set()
    assert [process.communicate()[0] for process in (first, second)] == ["300000\n", "300000\n"]
    assert len(web.asked) == 1


def test_a_killed_process_leaves_its_work_to_the_next(
    web: WebServer, store: Store, entry: Entry, fetching: Callable[[], Popen[str]]
) -> None:
    web.gate.clear()
    first = fetching()
    wait_for_line(first, "tiny: MIT, 300 kB")
    while not any(path.stat().st_size for path in store.root.rglob("whole")):
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    web.gate.set()
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert [asked.begin > 0 for asked in web.asked] == [False, True]


def test_threads_that_want_one_entry_fetch_it_once(web: WebServer, store: Store, entry: Entry) -> None:
    start = threading.Barrier(4)
    shown = [Shown() for _ in range(4)]

    def get(display: Shown) -> Path:
        start.wait()
        return Store(store.root).get(entry, display)

    with ThreadPoolExecutor(4) as threads:
        folders = set(threads.map(get, shown))
    assert folders == {store.root / entry.key}
    assert len(web.asked) == 1
    assert sum(len(display.bars) for display in shown) == 1


def test_a_child_forked_during_a_fetch_does_not_keep_its_lock(web: WebServer, store: Store, entry: Entry) -> None:
    lock = store.root / ".locks" / f"{entry.key}.lock"

    class Forking(Silent):
        """Starts a child that inherits every open file and outlives the fetch."""

        child: Popen[bytes]

        def say(self, line: str) -> None:
            held = [int(file.name) for file in Path("/proc/self/fd").iterdir() if file.resolve() == lock]
            self.child = Popen([sys.executable, "-c", "input()"], stdin=PIPE, pass_fds=held)

    forking = Forking()
    store.get(entry, forking)
    try:
        assert store.remove(entry)
    finally:
        forking.child.communicate(b"\n")


def test_the_lock_is_free_again_after_an_error(tmp_path: Path, web: WebServer, store: Store, entry: Entry) -> None:
    web.refusals = [404]
    with pytest.raises(Exception, match="HTTP 404"):
        store.get(entry)
    assert (
        subprocess.run(["flock", "-n", store.root / ".locks" / f"{entry.key}.lock", "true"], check=False).returncode
        == 0
    )
