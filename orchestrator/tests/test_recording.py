"""Recordings: both sides where they were heard, the events beside them, bounded, private, and never in the way."""

from __future__ import annotations

import asyncio
import json
import stat
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.recording import Recorder, Recording
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.testing.server import eventually, serving
from antiphon_orchestrator.testing.virtual_time import clock_ms, virtually
from antiphon_orchestrator.testing.voice import silence

SHEET = ResponseSheet("resp_1", spoken=True)


class Client:
    """Takes everything."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def event(self, type_: str, /, **fields: Any) -> None:
        self.told.append(type_)

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        self.told.append("audio")

    def close(self, code: int, reason: str) -> None:
        self.told.append(f"close {code}")


def second(level: float) -> npt.NDArray[np.float32]:
    return np.full(EARS_RATE_HZ, level, np.float32)


def frame(level: int) -> bytes:
    return np.full(480, level, "<i2").tobytes()


def sound(path: Path) -> npt.NDArray[np.int16]:
    """The two sides, as columns."""
    with wave.open(str(path.with_suffix(".wav"))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, EARS_RATE_HZ, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]


@asynccontextmanager
async def recording(path: Path, max_s: float = 600.0, client: Client | None = None) -> AsyncIterator[Recording]:
    recorder = Recorder(clock_ms)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    made = recorder.record(client or Client(), path, max_s)
    try:
        yield made
        made.over = True
        await asyncio.sleep(1.1)
    finally:
        running.cancel()
        await asyncio.wait({running})


@virtually
async def test_both_sides_lie_where_they_were_heard(tmp_path: Path) -> None:
    path = tmp_path / "sess_1"
    async with recording(path) as made:
        for _ in range(50):
            await asyncio.sleep(0.02)
            made.hear(second(0.25)[:320])
        for _ in range(50):
            made.audio(SHEET, "item_1", frame(8_000))
            await asyncio.sleep(0.02)
    heard = sound(path)
    user, assistant = heard[:, 0], heard[:, 1]
    assert (user[200:15_800] == 8_192).all()
    assert not user[16_200:].any()
    assert not assistant[:15_800].any()
    assert np.abs(assistant[16_400:31_000] - 8_000).max() < 100


@virtually
async def test_events_are_told_to_the_client_and_kept_with_their_time(tmp_path: Path) -> None:
    client = Client()
    async with recording(tmp_path / "sess_1", client=client) as made:
        await asyncio.sleep(0.5)
        made.event("session.created", session={"id": "sess_1"})
        await asyncio.sleep(2)
        made.event("response.done", text="ü")
        made.close(1000, "")
    assert client.told == ["session.created", "response.done", "close 1000"]
    assert events(tmp_path / "sess_1") == [
        {"at_ms": 500, "type": "session.created", "session": {"id": "sess_1"}},
        {"at_ms": 2_500, "type": "response.done", "text": "ü"},
    ]


@virtually
async def test_a_side_that_pauses_leaves_a_gap_as_long(tmp_path: Path) -> None:
    async with recording(tmp_path / "sess_1") as made:
        await asyncio.sleep(1)
        made.hear(second(0.5))
        await asyncio.sleep(3)
        made.hear(second(0.25))
    user = sound(tmp_path / "sess_1")[:, 0]
    assert abs(int(np.flatnonzero(user == 8_192)[0]) - 3 * EARS_RATE_HZ) < EARS_RATE_HZ // 10


@virtually
async def test_what_comes_in_one_piece_is_kept_in_order(tmp_path: Path) -> None:
    async with recording(tmp_path / "sess_1") as made:
        for level in (0.25, 0.5):
            made.hear(second(level))
        await asyncio.sleep(3)
    user = sound(tmp_path / "sess_1")[:, 0]
    assert (user[:EARS_RATE_HZ] == 8_192).all()
    assert (user[EARS_RATE_HZ : 2 * EARS_RATE_HZ] == 16_384).all()


@virtually
async def test_it_ends_when_it_is_long_enough_and_the_client_hears_on(tmp_path: Path) -> None:
    async with recording(tmp_path / "sess_1", max_s=2.0) as made:
        for number in range(6):
            await asyncio.sleep(0.9)
            made.hear(second(0.25))
            made.event("tick", number=number)
    assert len(sound(tmp_path / "sess_1")) == 2 * EARS_RATE_HZ
    assert [event["number"] for event in events(tmp_path / "sess_1")] == [0, 1]


@virtually
async def test_a_client_that_floods_costs_bounded_memory(tmp_path: Path) -> None:
    async with recording(tmp_path / "sess_1") as made:
        for _ in range(600):
            made.hear(silence(EARS_RATE_HZ))
            for _ in range(50):
                made.event("error")
        assert made.waiting_samples <= 60 * EARS_RATE_HZ
        assert made.waiting_events <= 10_000


@virtually
async def test_a_disk_that_fails_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with recording(tmp_path / "file" / "sess_1") as made:
        await asyncio.sleep(2)
        assert made.over
        made.hear(second(0.25))
        made.event("session.created")


@virtually
async def test_what_waits_when_the_server_ends_is_written(tmp_path: Path) -> None:
    recorder = Recorder(clock_ms)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    made = recorder.record(Client(), tmp_path / "sess_1", 600.0)
    await asyncio.sleep(0.9)
    made.event("session.created")
    running.cancel()
    await asyncio.wait({running})
    assert len(events(tmp_path / "sess_1")) == 1


@pytest.mark.integration
async def test_a_session_is_recorded_where_a_deployment_wants_it(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    async with serving(record_dir=folder) as server:
        async with server.call() as call:
            session_id = call.told[0]["session"]["id"]
            await call.write("Hello.")
            await call.send("response.create")
            await call.until("response.done")
        await eventually(lambda: (folder / f"{session_id}.wav").exists())
    kept = [event["type"] for event in events(folder / session_id)]
    assert kept[0] == "session.created"
    assert "response.done" in kept
    assert sound(folder / session_id)[:, 1].any()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(folder)} == {0o600}


@pytest.mark.integration
async def test_nothing_is_kept_unless_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with serving() as server, server.call() as call:
        await call.write("Hello.")
        await call.send("response.create")
        await call.until("response.done")
    assert files(tmp_path) == []
