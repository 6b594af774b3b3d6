from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_core.errors import Draining, WorkerGone
from antiphon_core.registry.base import LoadStage, ModelState, Reloaded
from antiphon_core.registry.urls import fleet_for
from antiphon_core.utterance import Control, Reason, Start, Started, Text
from antiphon_core.wire.rpc import SERVICE_NAME
from antiphon_core.wire.workers import WorkerClient
from antiphon_core.worker.app import App
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from worker import scripted
from worker.hosted import entries
from worker.integration.serving import channel_to, hear, say, send, serving

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
async def app(installed: Path, tmp_path: Path) -> AsyncIterator[App]:
    async with serving(tmp_path / "models") as app:
        yield app


@pytest.fixture
async def channel(app: App) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(app.address) as channel:
        yield channel


def pitch_hz(frames: list[Frame], rate_hz: int) -> float:
    """What the ear says of a sine."""
    sound = np.frombuffer(b"".join(frame.pcm for frame in frames), np.int16)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate_hz / len(sound))


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
async def test_a_text_becomes_frames_that_sound_like_the_engine(channel: grpc.aio.Channel, rate_hz: int) -> None:
    heard = await say(channel, "one two three four.", format=PcmFormat(rate_hz), utterance_id="u1")
    assert heard.started == Started("w1", "plain", "plain/one", PcmFormat(rate_hz))
    assert [frame.seq for frame in heard.frames] == list(range(len(heard.frames)))
    assert {len(frame.pcm) for frame in heard.frames} == {rate_hz // 50 * 2}
    assert heard.finished.reason is Reason.COMPLETE
    assert heard.speech_ms == pytest.approx(400, abs=10)
    assert pitch_hz(heard.frames, rate_hz) == pytest.approx(scripted.PITCH_HZ, abs=10)


async def test_marks_come_before_the_frames_they_point_into(channel: grpc.aio.Channel) -> None:
    heard = await say(channel, "one two", voice="stream")
    begun = 0
    for event in heard.events:
        if isinstance(event, TextMark):
            assert event.sample_offset >= begun
        elif isinstance(event, Frame):
            begun += event.speech_samples


async def test_speech_begins_while_text_is_still_coming(channel: grpc.aio.Channel) -> None:
    call = await send(channel, Start(voice="stream"), Text("one "))
    while not isinstance(await call.receive(), Frame):
        pass
    await call.send(Text("two", last=True))
    await call.end()
    assert (await hear(call)).finished.samples == pytest.approx(9_600, abs=500)


async def test_pause_resume_and_stop_do_what_they_say(channel: grpc.aio.Channel) -> None:
    call = await send(channel, Start(options={"chunk_delay_s": "0.01"}), Text("word " * 50, last=True), Control.PAUSE)
    assert isinstance(await call.receive(), Started)
    silent = asyncio.create_task(call.receive())
    done, _ = await asyncio.wait({silent}, timeout=0.2)
    assert not done
    await call.send(Control.RESUME)
    await silent
    await call.send(Control.STOP)
    assert (await hear(call)).finished.reason is Reason.STOPPED


async def test_a_cancelled_call_stops_the_engine_and_frees_the_place(app: App, channel: grpc.aio.Channel) -> None:
    call = await send(channel, Start(options={"chunk_delay_s": "0.01"}), Text("word " * 500, last=True))
    await call.receive()
    call.cancel()
    client = WorkerClient(channel)
    for _ in range(1_000):
        if not (await client.describe()).load.in_flight:
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("the place was not freed")
    chunks = len(entries("chunk"))
    await asyncio.sleep(0.05)
    assert len(entries("chunk")) == chunks
    assert entries("close")[-1].startswith("speak-plain")


async def test_a_worker_describes_itself(app: App, channel: grpc.aio.Channel) -> None:
    client = WorkerClient(channel)
    await say(channel, "one two")
    described = await client.describe()
    assert (described.worker, described.adapter, described.device) == ("w1", "scripted", "cpu")
    assert described.default_model == "plain"
    assert described.incarnation
    assert described.core_version
    assert described.adapter_version == "1.2.3"
    assert described.load.rss_bytes > 1_000_000
    assert described.load.first_audio_p50_ms > 0
    assert (described.load.in_flight, described.load.queued, described.load.draining) == (0, 0, False)
    assert described.limits.lead_ms == 400
    states = {status.info.id: status.state for status in described.models}
    assert (states["plain"], states["solo"], states["remote"]) == (
        ModelState.RESIDENT,
        ModelState.AVAILABLE,
        ModelState.REMOTE,
    )
    assert await client.models() == described.models


async def test_a_model_is_fetched_loaded_and_unloaded_on_request(channel: grpc.aio.Channel) -> None:
    client = WorkerClient(channel)
    stages = [progress.stage async for progress in client.load("remote")]
    assert stages[-1] is LoadStage.READY
    assert await client.unload("remote") is True
    assert await client.unload("remote") is False


async def test_an_utterance_loads_the_model_it_asks_for(channel: grpc.aio.Channel) -> None:
    heard = await say(channel, "one", voice="solo/two")
    assert heard.started.voice == "solo/two"
    assert entries("load") == ["plain", "solo"]


async def test_a_reload_changes_the_voice_between_utterances_and_never_within_one(
    installed: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.scripted").write_text("400")
    async with serving(tmp_path / "models", own_dirs=[own], models=["mine"]) as app, channel_to(app.address) as channel:
        call = await send(channel, Start(options={"chunk_delay_s": "0.01"}), Text("word " * 20, last=True))
        assert isinstance(await call.receive(), Started)
        (own / "mine.scripted").write_text("800")
        (own / "other.scripted").write_text("800")
        assert await WorkerClient(channel).reload() == Reloaded(("other",), (), ("mine",))
        heard_later = await say(channel, "one two three four")
        assert pitch_hz((await hear(call)).frames, 48_000) == pytest.approx(400, abs=10)
        assert pitch_hz(heard_later.frames, 48_000) == pytest.approx(800, abs=10)


async def test_health_is_served_and_watched(app: App, channel: grpc.aio.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE_NAME):
        assert (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status == SERVING
    watching = stub.Watch(health_pb2.HealthCheckRequest())
    assert (await watching.read()).status == SERVING
    app.end("test")
    assert (await watching.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_reflection_tells_the_services(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    response = await stub.ServerReflectionInfo(iter([request])).read()
    names = {service.name for service in response.list_services_response.service}
    assert {SERVICE_NAME, "grpc.health.v1.Health"} <= names


async def test_a_draining_worker_finishes_what_runs_and_refuses_what_comes(app: App, channel: grpc.aio.Channel) -> None:
    call = await send(channel, Start(), Text("one two. T"))
    while not isinstance(await call.receive(), Frame):
        pass
    app.end("test")
    with pytest.raises(Draining, match="takes no more utterances: test"):
        await say(channel, "late")
    with pytest.raises(Draining):
        _ = [progress async for progress in WorkerClient(channel).load("solo")]
    assert (await WorkerClient(channel).describe()).load.draining
    await call.send(Text("hree.", last=True))
    await call.end()
    assert (await hear(call)).finished.reason is Reason.COMPLETE


async def test_a_fleet_sees_a_worker_come_and_go(installed: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "models") as app:
        fleet = fleet_for(f"static://{app.address}")
        changed = asyncio.Event()
        fleet.subscribe(changed.set)
        watching = asyncio.create_task(fleet.run())
        await asyncio.wait_for(changed.wait(), 5)
        assert [record.description.worker for record in fleet.workers()] == ["w1"]
    while fleet.workers():
        changed.clear()
        await asyncio.wait_for(changed.wait(), 10)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_worker_that_is_not_there_is_gone() -> None:
    async with channel_to("127.0.0.1:9") as channel:
        with pytest.raises(WorkerGone, match="cannot be reached"):
            await WorkerClient(channel).describe(timeout_s=2)
