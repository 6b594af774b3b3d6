"""What goes wrong at a worker's door: each with an error that helps, and a worker that speaks on."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from antiphon_core.errors import (
    AntiphonError,
    BadFormat,
    BadRequest,
    BadText,
    CannotLoad,
    Draining,
    EngineFailed,
    EngineStalled,
    Full,
    UnknownModel,
    UnknownVoice,
    Unsupported,
    WorkerGone,
)
from antiphon_core.utterance import Control, Start, Text, UtteranceMessage
from antiphon_core.wire.failures import failure_from_call
from antiphon_core.wire.rpc import async_stub
from antiphon_core.wire.workers import WorkerClient
from antiphon_core.worker.app import App
from antiphon_proto.v1 import tts_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc
from worker import scripted
from worker.integration.serving import channel_to, hear, say, send, serving

WORDS = Text("one two three", last=True)


@pytest.fixture
async def app(installed: Path, tmp_path: Path) -> AsyncIterator[App]:
    async with serving(tmp_path / "models", max_queue=0, client_idle_s=10, stall_s=10, load_timeout_s=10) as app:
        yield app


@pytest.fixture
async def impatient(installed: Path, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """To a worker that soon gives up on whoever gives nothing, client or engine."""
    async with (
        serving(tmp_path / "models", max_queue=0, client_idle_s=1.5, stall_s=1.5) as app,
        channel_to(app.address) as channel,
    ):
        yield channel


@pytest.fixture
async def channel(app: App) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(app.address) as channel:
        yield channel


async def speaks_on(channel: grpc.aio.Channel) -> None:
    """The worker is none the worse for what happened."""
    assert (await say(channel, "one two")).speech_ms == pytest.approx(200, abs=10)
    load = (await WorkerClient(channel).describe()).load
    assert (load.in_flight, load.queued) == (0, 0)


async def at_rest(channel: grpc.aio.Channel) -> None:
    """Waits until it speaks for nobody."""
    while (await WorkerClient(channel).describe()).load.in_flight:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("messages", "condition", "says"),
    [
        ([Start(voice="hal"), WORDS], UnknownModel, "no model 'hal' here; there are: plain, stream"),
        ([Start(voice="plain/hal"), WORDS], UnknownVoice, "no voice 'hal'; it has: plain/one, plain/two"),
        ([Start(voice="😀" * 3_000), WORDS], UnknownModel, "no model '😀😀"),
        ([Start(language="ja"), WORDS], Unsupported, "does not speak 'ja'; it speaks: en-US, en"),
        ([Start(speed=2), WORDS], Unsupported, "leave speed at 1"),
        ([Start(voice="stream", speed=5), WORDS], BadRequest, "it is 0.25 to 4"),
        ([Start(utterance_id="x" * 200), WORDS], BadRequest, "at most 128"),
        ([Start(), Text("", last=True)], BadText, "no text to speak"),
        ([Start(), Text("  \n. ", last=True)], BadText, "no text to speak"),
        ([Start(), Text("word " * 40_000, last=True)], BadText, "longer than 32768 bytes of UTF-8; send it as several"),
        ([Start(), Text("one\0two", last=True)], BadText, "NUL at character 3"),
        ([WORDS], BadRequest, "the first request is text; an utterance begins with start"),
        ([Control.PAUSE], BadRequest, "the first request is control pause"),
        ([Start(), Start()], BadRequest, "start came twice"),
        ([Start(), WORDS, Text("four")], BadRequest, "text came after the one with last set"),
        ([Start(options={"raise_at": "first"}), WORDS], EngineFailed, "RuntimeError: broken at first"),
        ([Start(options={"raise_at": "middle"}), WORDS], EngineFailed, "RuntimeError: broken at middle"),
    ],
)
async def test_a_mistake_is_told_and_the_worker_speaks_on(
    channel: grpc.aio.Channel, messages: list[UtteranceMessage], condition: type[AntiphonError], says: str
) -> None:
    with pytest.raises(condition, match=re.escape(says)):
        await hear(await send(channel, *messages))
    await speaks_on(channel)


@pytest.mark.parametrize("messages", [[], [Start()], [Start(), Text("one ")]])
async def test_requests_that_end_too_early_are_refused(
    channel: grpc.aio.Channel, messages: list[UtteranceMessage]
) -> None:
    call = await send(channel, *messages)
    await call.end()
    with pytest.raises(BadRequest, match="the requests ended before"):
        await hear(call)
    await speaks_on(channel)


@pytest.mark.parametrize(
    ("request_", "condition", "says"),
    [
        (pb.SynthesizeRequest(), BadRequest, "none of start, text, control"),
        (
            pb.SynthesizeRequest(start=pb.Start(format=pb.AudioFormat(rate_hz=44_100))),
            BadFormat,
            "44100 is not offered",
        ),
        (pb.SynthesizeRequest(control=pb.Control()), BadRequest, "control action 0 is unknown"),
    ],
)
async def test_what_our_own_client_cannot_say_is_refused(
    channel: grpc.aio.Channel, request_: pb.SynthesizeRequest, condition: type[AntiphonError], says: str
) -> None:
    call = async_stub(channel).Synthesize(iter([request_]))
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call.read()
    error = failure_from_call(failed.value)
    assert type(error) is condition
    assert says in error.message
    await speaks_on(channel)


@pytest.mark.parametrize(
    "text",
    [
        "smile 😀 once",
        "one 二 три τέσσερα خمسة",
        "<speak>one <break time='1s'/> two</speak>",
        "**bold** and `code` and https://example.org/?a=1&b=2",
        "e\u0301 o\u0308 and a zero\u200bwidth",
        "tab\tand\r\nnew\u2028lines",
    ],
)
async def test_odd_text_is_text(channel: grpc.aio.Channel, text: str) -> None:
    assert (await say(channel, text)).speech_ms > 0


async def test_a_text_as_long_as_allowed_is_spoken(channel: grpc.aio.Channel) -> None:
    heard = await say(channel, ("w" * 1_023 + " ") * 32)
    assert heard.speech_ms > 3_000


async def test_a_full_worker_says_when_to_come_again(channel: grpc.aio.Channel) -> None:
    first = await send(channel, Start(voice="solo"), Text("one"))
    await first.receive()
    with pytest.raises(Full) as full:
        await say(channel, "two", voice="solo")
    assert full.value.retry_after_ms > 0
    first.cancel()


VANISHING = """
import asyncio, sys, time
import grpc
from antiphon_core.utterance import Start, Text
from antiphon_core.wire.calls import UtteranceCall

async def main():
    channel, calls = grpc.aio.insecure_channel(sys.argv[1]), []
    for text in (Text("word " * 1_000, last=True), Text("one ")):
        calls.append(UtteranceCall(channel))
        await calls[-1].send(Start())
        await calls[-1].send(text)
        await calls[-1].receive()
    print("speaking", flush=True)
    time.sleep(60)

asyncio.run(main())
"""


async def test_a_client_that_vanishes_leaves_nothing_behind(app: App, channel: grpc.aio.Channel) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VANISHING, app.address, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"speaking\n"
    assert (await WorkerClient(channel).describe()).load.in_flight == 2
    client.kill()
    await client.wait()
    await at_rest(channel)
    await speaks_on(channel)


async def test_a_client_that_never_reads_is_given_up(impatient: grpc.aio.Channel) -> None:
    call = await send(impatient, Start(), Text("word " * 1_000, last=True))
    await call.receive()
    await at_rest(impatient)
    await speaks_on(impatient)
    with pytest.raises(BadRequest, match=r"neither read nor sent what was due for 1\.5 s"):
        await hear(call)


@pytest.mark.parametrize("messages", [[], [Start()], [Start(), Text("one ")]])
async def test_a_client_that_owes_requests_is_given_up(
    impatient: grpc.aio.Channel, messages: list[UtteranceMessage]
) -> None:
    with pytest.raises(BadRequest, match="and text until the one with last set"):
        await hear(await send(impatient, *messages))
    await speaks_on(impatient)


async def test_a_model_whose_file_is_corrupt_is_refused_with_the_reason(installed: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "odd.scripted").write_text("not a number")
    async with serving(tmp_path / "models", own_dirs=[own]) as app, channel_to(app.address) as channel:
        with pytest.raises(CannotLoad, match="model 'odd' cannot be loaded: ValueError: invalid literal for int"):
            await say(channel, "one", voice="odd")
        (own / "torn.scripted").write_bytes(b"\x80\x81")
        with pytest.raises(CannotLoad, match="adapter 'scripted' cannot list its models: UnicodeDecodeError"):
            await WorkerClient(channel).reload()
        await speaks_on(channel)


async def test_a_corrupt_download_is_never_loaded(installed: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "models") as app, channel_to(app.address) as channel:
        client = WorkerClient(channel)
        _ = [progress async for progress in client.load("remote")]
        (weights,) = (tmp_path / "models").rglob("weights.txt")
        await client.unload("remote")
        weights.write_text("wrong")
        _ = [progress async for progress in client.load("remote")]
        assert weights.read_text() == (Path(scripted.__file__).parent / "weights.txt").read_text()


async def test_an_engine_that_raises_while_loading_is_a_model_that_cannot_be_loaded(
    installed: Path, tmp_path: Path
) -> None:
    with pytest.raises(CannotLoad, match="'plain' cannot be loaded: RuntimeError: broken at load"):
        async with serving(tmp_path / "models", options={"raise_at": "load"}):
            pass


async def test_an_engine_that_hangs_ends_its_utterance_and_then_the_worker(impatient: grpc.aio.Channel) -> None:
    with pytest.raises(EngineStalled, match=r"gave nothing for 1\.5 s"):
        await say(impatient, "one", options={"hang_at": "first"})
    scripted.let_go.set()
    while True:
        try:
            await WorkerClient(impatient).describe()
        except WorkerGone:
            break
        await asyncio.sleep(0.05)


async def test_who_speaks_may_finish_however_many_engines_hang(impatient: grpc.aio.Channel) -> None:
    hanging = [asyncio.create_task(say(impatient, "one", options={"hang_at": "first"})) for _ in range(2)]
    speaking = await send(impatient, Start(options={"chunk_delay_s": "0.06"}), Text("word " * 50, last=True))
    await speaking.end()
    for failed in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(failed, EngineStalled)
    assert (await hear(speaking)).speech_ms == pytest.approx(5_000, abs=50)
    scripted.let_go.set()


async def test_a_worker_that_shall_not_end_itself_only_turns_unhealthy(installed: Path, tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "models", stall_s=0.2, exit_on_stall=False) as app,
        channel_to(app.address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await health.read()).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(EngineStalled):
            await say(channel, "one", options={"hang_at": "first"})
        assert (await health.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(Draining, match="the engine of model plain hangs"):
            await say(channel, "one")
        scripted.let_go.set()
