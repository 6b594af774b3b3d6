from __future__ import annotations

import socket
from pathlib import Path

import pytest
from antiphon_core.errors import CannotLoad
from antiphon_core.store import Entry, Store
from antiphon_core.store.sources import http
from store.world import Shown, WebServer, entry_of, file_of, noise

MODEL = noise(1_000_000)


@pytest.fixture
def entry(web: WebServer) -> Entry:
    web.files["/model.bin"] = MODEL
    return entry_of(file_of(MODEL, f"{web.url}/model.bin"))


def test_a_file_comes_over_http_with_its_progress(web: WebServer, entry: Entry, store: Store, shown: Shown) -> None:
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    steps = shown.bars[0].steps
    assert steps == sorted(steps)
    assert len(steps) > 5
    assert steps[-1] == shown.bars[0].total_bytes == len(MODEL)


def test_a_cut_connection_is_gone_on_with_where_it_broke(
    web: WebServer, entry: Entry, store: Store, shown: Shown
) -> None:
    web.cuts = [400_000, 300_000]
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert [asked.begin for asked in web.asked] == [0, 400_000, 700_000]
    assert "ended early; going on after 400 kB" in shown.lines[1]


def test_a_connection_that_falls_silent_is_given_up_and_gone_on_with(
    web: WebServer, entry: Entry, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.1)
    web.gate.clear()

    class Waking(Shown):
        def say(self, line: str) -> None:
            super().say(line)
            if "the connection broke: timed out" in line:
                web.gate.set()

    assert (store.get(entry, Waking()) / "model.bin").read_bytes() == MODEL
    assert [asked.begin > 0 for asked in web.asked] == [False, True]


def test_a_server_that_is_briefly_ill_is_asked_again_once_data_has_flowed(
    web: WebServer, entry: Entry, store: Store
) -> None:
    web.cuts = [400_000]
    web.files["/model.bin"] = MODEL

    class FirstWell(list[int]):
        """Refuses the second to the fourth answer only."""

        def __bool__(self) -> bool:
            return 2 <= len(web.asked) <= 4

    web.refusals = FirstWell([503, 429, 502])
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_an_end_of_patience_keeps_what_came_for_the_next_time(web: WebServer, entry: Entry, store: Store) -> None:
    web.cuts = [400_000] + [0] * http.TRIES
    with pytest.raises(CannotLoad, match="the connection ended early"):
        store.get(entry)
    assert len(web.asked) == 1 + http.TRIES
    web.asked.clear()
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert [asked.begin for asked in web.asked] == [400_000]


def test_a_server_without_ranges_sends_the_whole_file_again(web: WebServer, entry: Entry, store: Store) -> None:
    web.takes_ranges = False
    web.cuts = [400_000]
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert [asked.begin for asked in web.asked] == [0, 400_000]


def test_a_server_that_tells_no_length_is_trusted_only_by_checksum(web: WebServer, entry: Entry, store: Store) -> None:
    web.tells_length = False
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    store.remove(entry)
    web.cuts = [400_000]
    with pytest.raises(CannotLoad, match="it gave 400 kB with sha256"):
        store.get(entry)


def test_what_was_begun_from_an_older_version_is_fetched_anew(web: WebServer, entry: Entry, store: Store) -> None:
    web.files["/model.bin"] = noise(1_000_000, "older")
    web.cuts = [400_000] + [0] * http.TRIES
    with pytest.raises(CannotLoad):
        store.get(entry)
    web.files["/model.bin"] = MODEL
    web.asked.clear()
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL
    assert [asked.begin for asked in web.asked] == [400_000, 0]


@pytest.mark.parametrize("begun", [MODEL, MODEL + b"more"])
def test_a_file_that_was_whole_before_the_process_ended_is_recognised(
    web: WebServer, entry: Entry, store: Store, begun: bytes
) -> None:
    web.cuts = [400_000] + [0] * http.TRIES
    with pytest.raises(CannotLoad):
        store.get(entry)
    next(store.root.rglob("whole")).write_bytes(begun)
    assert (store.get(entry) / "model.bin").read_bytes() == MODEL


def test_more_than_the_catalogue_says_is_not_taken(web: WebServer, entry: Entry, store: Store) -> None:
    web.files["/model.bin"] = MODEL + MODEL
    with pytest.raises(CannotLoad, match=r"sends more than the 1\.0 MB there should be"):
        store.get(entry)


def test_a_redirection_is_followed_and_its_host_gets_no_token(
    web: WebServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    web.moved["/org/repo/resolve/main/a%20b.bin"] = f"{web.url}/elsewhere"
    web.files["/elsewhere"] = MODEL
    assert (store.get(entry_of(file_of(MODEL, "hf:org/repo@main/a b.bin"))) / "model.bin").exists()
    assert [asked.authorization for asked in web.asked] == ["Bearer hf_secret", None]


@pytest.mark.parametrize(("status", "hint"), [(401, True), (403, True), (404, False)])
def test_a_refusal_of_the_hub_says_what_a_gated_repository_wants(
    web: WebServer, store: Store, monkeypatch: pytest.MonkeyPatch, status: int, hint: bool
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    web.refusals = [status]
    with pytest.raises(CannotLoad) as caught:
        store.get(entry_of(file_of(MODEL, "hf:org/repo@main/model.bin")))
    assert f"HTTP {status}" in caught.value.message
    assert ("set HF_TOKEN" in caught.value.message) == hint
    assert web.asked[0].authorization is None


def test_offline_the_sources_their_reasons_and_the_remedies_are_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    sources = ["hf:org/repo@main/model.bin", f"https://127.0.0.1:{port}/model.bin", "file:absent.bin"]
    entry = entry_of(file_of(MODEL, *sources), folder=tmp_path)
    with pytest.raises(CannotLoad) as caught:
        store.get(entry)
    message = caught.value.message
    assert message.startswith("cannot fetch model.bin (1.0 MB) of 'tiny'; sources tried:")
    assert f"{sources[0]}: no connection to 127.0.0.1: [Errno 111] Connection refused" in message
    assert f"{sources[1]}: no connection to 127.0.0.1: [Errno 111] Connection refused" in message
    assert f"{sources[2]}: {tmp_path / 'absent.bin'}: No such file" in message
    assert "HF_ENDPOINT to a mirror" in message
    assert f"put the file with sha256 {entry.files[0].sha256} at {store.root / entry.key / 'model.bin'}" in message
    assert caught.value.allowed == tuple(sources)


def test_a_broken_answer_is_a_reason_of_its_own(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        entry = entry_of(file_of(MODEL, f"http://127.0.0.1:{server.getsockname()[1]}/model.bin"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(http, "TIMEOUT_S", 0.05)
            with pytest.raises(CannotLoad, match=r"no connection to 127.0.0.1: timed out"):
                store.get(entry)
