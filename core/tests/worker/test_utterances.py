from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from antiphon_core.audio import Frame, PcmFormat, TextMark
from antiphon_core.errors import (
    AntiphonError,
    BadRequest,
    BadText,
    Draining,
    EngineFailed,
    EngineStalled,
    Full,
    UnknownVoice,
)
from antiphon_core.utterance import Control, Finished, Reason, Start, Started, SynthesisEvent, Text, UtteranceMessage
from antiphon_core.worker import requests as requests_module
from antiphon_core.worker.admission import Admission, Places
from antiphon_core.worker.eviction import Policy
from antiphon_core.worker.metrics import Metrics
from antiphon_core.worker.report import Report
from antiphon_core.worker.residents import Residents
from antiphon_core.worker.trim import TrimSettings
from antiphon_core.worker.utterances import Stage, Utterance, UtteranceLimits
from worker import scripted
from worker.hosted import entries, logged, scripted_loader

LIMITS = UtteranceLimits(
    max_text_bytes=1_000,
    lead_ms=400,
    stall_s=5.0,
    client_idle_s=5.0,
    level=False,
    trim=TrimSettings(enabled=False),
    log_text=False,
)
FOUR_WORDS = Text("one two three four", last=True)


class Client:
    """One stream's other end: says what it wants when it wants, and reads when it likes."""

    def __init__(self, stage: Stage) -> None:
        self.events: list[SynthesisEvent] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self._requests: asyncio.Queue[UtteranceMessage | None] = asyncio.Queue()
        self._got = asyncio.Event()
        self.utterance = Utterance(stage, self._messages(), self._receive)
        self.stream = asyncio.create_task(self.utterance.run())

    def say(self, *messages: UtteranceMessage | None) -> None:
        """None: nothing more will be said."""
        for message in messages:
            self._requests.put_nowait(message)

    async def got(self, kind: type, count: int = 1) -> None:
        """Waits until so many events of a kind have come."""
        while sum(isinstance(event, kind) for event in self.events) < count:
            self._got.clear()
            await asyncio.wait_for(self._got.wait(), 5)

    async def _messages(self) -> AsyncIterator[UtteranceMessage]:
        while (message := await self._requests.get()) is not None:
            yield message

    async def _receive(self, event: SynthesisEvent | Sequence[Frame]) -> None:
        await self.reads.wait()
        self.events += event if isinstance(event, Sequence) else [event]
        self._got.set()

    @property
    def finished(self) -> Finished:
        event = self.events[-1]
        assert isinstance(event, Finished)
        return event

    @property
    def speech_ms(self) -> float:
        return sum(event.speech_samples for event in self.events if isinstance(event, Frame)) / 48


class House:
    """All that utterances need, around the scripted adapter."""

    def __init__(self, store: Path, **loading: Any) -> None:
        self.limits = LIMITS
        self.places = Places(max_in_flight=0, max_queue=4)
        self.stalled: list[str] = []
        self.noticed = asyncio.Event()
        self.residents = Residents(scripted_loader(store, **loading), lambda: Policy(), Metrics(), self._notice)
        self.admission = Admission(lambda: self.places)
        self.stage = Stage("w1", "plain", self.residents, self.admission, lambda: self.limits, self._notice)
        self.clients: list[Client] = []

    def _notice(self, model_id: str) -> None:
        self.stalled.append(model_id)
        self.noticed.set()

    def client(self, *messages: UtteranceMessage | None) -> Client:
        client = Client(self.stage)
        client.say(*messages)
        self.clients.append(client)
        return client

    async def free(self) -> None:
        """Waits until no utterance holds a place and no lease is out."""

        for _ in range(2_000):
            if not self.admission.in_flight and not any(tenant.in_use for tenant in self.residents.tenants()):
                return
            await asyncio.sleep(0.002)
        pytest.fail("places or leases were not given back")


@pytest.fixture
async def build(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    monkeypatch.setattr(requests_module, "HEAR_OUT_S", 0.0)
    houses: list[House] = []

    async def make(**loading: Any) -> House:
        house = House(tmp_path / "store", **loading)
        houses.append(house)
        await house.residents.list_models()
        return house

    yield make
    scripted.let_go.set()
    for house in houses:
        for client in house.clients:
            client.stream.cancel()
        await asyncio.gather(*(client.stream for client in house.clients), return_exceptions=True)
        await house.free()
        assert await house.residents.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("read-")]


Build = Callable[..., Any]


async def test_an_utterance_is_started_frames_and_finished(build: Build) -> None:
    house = await build()
    client = house.client(Start(voice="plain/two"), FOUR_WORDS, None)
    await client.stream
    started, *frames, finished = client.events
    assert started == Started("w1", "plain", "plain/two", PcmFormat(48_000))
    assert [frame.seq for frame in frames] == list(range(20))
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.samples) == (Reason.COMPLETE, 400 * 48)
    assert finished.synth_ms > 0
    assert finished.first_audio_ms > 0
    assert finished.queue_ms > 0


async def test_the_default_model_speaks_when_none_is_named(build: Build) -> None:
    house = await build()
    client = house.client(Start(), FOUR_WORDS, None)
    await client.stream
    assert client.events[0].voice == "plain/one"


async def test_frames_come_at_the_rate_that_was_asked_for(build: Build) -> None:
    house = await build()
    client = house.client(Start(format=PcmFormat(8_000)), FOUR_WORDS, None)
    await client.stream
    frames = [event for event in client.events if isinstance(event, Frame)]
    assert {len(frame.pcm) for frame in frames} == {320}
    assert client.finished.samples == 3_200


async def test_speech_begins_while_text_is_still_arriving(build: Build) -> None:
    house = await build()
    client = house.client(Start(), Text("one two. Th"))
    await client.got(Frame)
    assert entries("speak")[-1] == "one two. "
    client.say(Text("ree.", last=True), None)
    await client.stream
    assert entries("speak")[-1] == "Three."
    assert client.speech_ms == 300


async def test_an_engine_that_takes_arriving_text_gets_every_piece_at_once(build: Build) -> None:
    house = await build()
    client = house.client(Start(voice="stream"), Text("one two "))
    await client.got(Frame, 8)
    client.say(Text("three", last=True), None)
    await client.stream
    marks = [event for event in client.events if isinstance(event, TextMark)]
    assert [(mark.text_offset, mark.sample_offset) for mark in marks] == [(0, 0), (4, 4_800), (8, 9_600)]


async def test_a_pause_sends_nothing_more_and_a_resume_loses_nothing(build: Build) -> None:
    house = await build()
    client = house.client(Start(), Text("one two three four", last=True), Control.PAUSE)
    await client.got(Started)
    await asyncio.sleep(0.02)
    assert not any(isinstance(event, Frame) for event in client.events)
    client.say(Control.RESUME, None)
    await client.stream
    assert client.speech_ms == 400


async def test_a_stop_drops_the_rest_and_finishes_as_stopped(build: Build) -> None:
    house = await build()
    client = house.client(Start(options={"chunk_delay_s": "0.005"}), Text("word " * 100, last=True))
    await client.got(Frame, 3)
    client.say(Control.STOP, None)
    await client.stream
    assert client.finished.reason is Reason.STOPPED
    assert client.finished.samples == client.speech_ms * 48
    assert client.speech_ms < 10_000


async def test_a_stop_ends_a_pause_and_sends_nothing_of_what_was_held(build: Build) -> None:
    house = await build()
    client = house.client(Start(), FOUR_WORDS, Control.PAUSE)
    await client.got(Started)
    await asyncio.sleep(0.02)
    client.say(Control.STOP, None)
    await client.stream
    assert client.finished.reason is Reason.STOPPED
    assert client.speech_ms == 0


async def test_a_stop_reaches_an_utterance_that_waits_for_its_place(build: Build) -> None:
    house = await build()
    first = house.client(Start(voice="solo"), Text("one"))
    await first.got(Started)
    second = house.client(Start(voice="solo"), Text("two"))
    while not house.admission.queued:  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    second.say(Control.STOP, None)
    await second.stream
    assert second.events == [second.finished]
    assert second.finished.reason is Reason.STOPPED
    assert house.admission.queued == 0


async def test_a_stop_reaches_an_utterance_whose_model_is_being_loaded(build: Build) -> None:
    house = await build(load_delay_s="0.1")
    client = house.client(Start(), Control.STOP, None)
    await client.stream
    assert client.finished.reason is Reason.STOPPED
    await house.free()


async def test_a_cancelled_stream_frees_its_place_when_the_engine_has_let_go(build: Build) -> None:
    house = await build()
    client = house.client(Start(options={"hang_at": "middle"}), FOUR_WORDS, None)
    await logged("hang")
    client.stream.cancel()
    await asyncio.gather(client.stream, return_exceptions=True)
    assert house.admission.in_flight == 1
    scripted.let_go.set()
    await house.free()
    assert client.utterance.report.outcome == "cancelled"


async def test_a_client_that_does_not_read_holds_the_engine_back(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, lead_ms=400)
    (await house.residents.lease("plain")).release()
    scripted.log.clear()
    client = house.client(Start(), Text("word " * 150, last=True), None)
    client.reads.clear()
    await logged("chunk", 3)
    await asyncio.sleep(0.1)
    # 400 ms of lead, less the 8 frames that the connection holds, and the rest of a chunk.
    assert len(entries("chunk")) in (3, 4)
    client.reads.set()
    await client.stream
    assert client.speech_ms == 15_000


async def test_a_client_that_never_reads_is_given_up(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, client_idle_s=0.05)
    client = house.client(Start(), Text("word " * 150, last=True), None)
    client.reads.clear()
    with pytest.raises(BadRequest, match=r"neither read nor sent what was due for 0\.05 s"):
        await client.stream
    await house.free()


async def test_a_client_that_pauses_for_ever_is_given_up(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, client_idle_s=0.05)
    client = house.client(Start(), FOUR_WORDS, Control.PAUSE, None)
    with pytest.raises(BadRequest, match="neither read nor sent"):
        await client.stream


@pytest.mark.parametrize("voice", ["plain", "stream"])
async def test_a_client_that_owes_text_for_ever_is_given_up(build: Build, voice: str) -> None:
    house = await build()
    house.limits = replace(LIMITS, client_idle_s=0.05)
    client = house.client(Start(voice=voice), Text("one "))
    with pytest.raises(BadRequest, match="neither read nor sent"):
        await client.stream
    await house.free()


async def test_a_client_that_goes_on_sending_text_is_not_given_up(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, client_idle_s=1.5)
    client = house.client(Start())
    for _ in range(8):
        await asyncio.sleep(0.2)
        client.say(Text("one "))
    client.say(Text("", last=True), None)
    await client.stream
    assert client.speech_ms == 800


async def test_an_engine_that_hangs_ends_the_utterance_and_is_reported(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, stall_s=0.05)
    client = house.client(Start(options={"hang_at": "first"}), FOUR_WORDS, None)
    with pytest.raises(EngineStalled, match=r"model 'plain' gave nothing for 0\.05 s"):
        await client.stream
    assert house.stalled == ["plain"]
    assert house.admission.in_flight == 1


async def test_an_engine_that_hangs_is_noticed_also_after_its_client_has_gone(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, stall_s=0.05)
    client = house.client(Start(options={"hang_at": "middle"}), FOUR_WORDS, None)
    await logged("hang")
    client.stream.cancel()
    await asyncio.gather(client.stream, return_exceptions=True)
    await asyncio.wait_for(house.noticed.wait(), 5)
    assert house.stalled == ["plain"]


async def test_an_engine_that_waits_for_a_slow_client_does_not_hang(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, stall_s=1.0)
    client = house.client(Start(voice="stream"), Text("word " * 50))
    client.reads.clear()
    await asyncio.sleep(1.1)
    client.reads.set()
    await asyncio.sleep(1.1)
    client.say(Text("", last=True), None)
    await client.stream
    assert house.stalled == []


@pytest.mark.parametrize(
    ("messages", "condition"),
    [
        ([Text("a", last=True)], BadRequest),
        ([Control.STOP], BadRequest),
        ([None], BadRequest),
        ([Start(), None], BadRequest),
        ([Start(), Start()], BadRequest),
        ([Start(), Text("a", last=True), Text("b")], BadRequest),
        ([Start(), Text("", last=True)], BadText),
        ([Start(), Text("a\0b", last=True)], BadText),
        ([Start(), Text("a" * 1_001)], BadText),
        ([Start(voice="plain/nobody")], UnknownVoice),
        ([Start(options={"raise_at": "first"}), FOUR_WORDS], EngineFailed),
        ([Start(options={"raise_at": "middle"}), FOUR_WORDS], EngineFailed),
    ],
)
async def test_what_goes_wrong_is_raised_and_leaves_nothing_behind(
    build: Build, messages: list[UtteranceMessage | None], condition: type[AntiphonError]
) -> None:
    house = await build()
    client = house.client(*messages, None)
    with pytest.raises(condition):
        await client.stream
    await house.free()
    assert client.utterance.report.outcome == condition.__name__.replace("B", "b", 1).replace("U", "u", 1).replace(
        "E", "e", 1
    ).replace("R", "_r").replace("T", "_t").replace("V", "_v").replace("F", "_f")


async def test_a_full_worker_says_so(build: Build) -> None:
    house = await build()
    house.places = Places(max_in_flight=0, max_queue=0)
    first = house.client(Start(voice="solo"), Text("one"))
    await first.got(Started)
    second = house.client(Start(voice="solo"), FOUR_WORDS, None)
    with pytest.raises(Full):
        await second.stream


async def test_a_mistake_is_told_also_while_the_utterance_waits_for_its_place(build: Build) -> None:
    house = await build()
    first = house.client(Start(voice="solo"), Text("one"))
    await first.got(Started)
    second = house.client(Start(voice="solo"), Start())
    with pytest.raises(BadRequest, match="start came twice"):
        await second.stream
    assert house.admission.queued == 0


async def test_a_draining_worker_takes_no_utterance_and_lets_the_running_finish(build: Build) -> None:
    house = await build()
    running = house.client(Start(), Text("one two. T"))
    await running.got(Frame)
    house.admission.close("SIGTERM")
    late = house.client(Start(), FOUR_WORDS, None)
    with pytest.raises(Draining):
        await late.stream
    running.say(Text("hree.", last=True), None)
    await running.stream
    assert running.finished.reason is Reason.COMPLETE


@pytest.mark.parametrize("options", [{}, {"raise_at": "middle"}])
async def test_the_place_is_free_when_the_client_hears_of_the_end(build: Build, options: dict[str, str]) -> None:
    house = await build()
    house.places = Places(max_in_flight=1, max_queue=0)
    for _ in range(50):
        client = house.client(Start(options=options), FOUR_WORDS, None)
        await asyncio.gather(client.stream, return_exceptions=True)
        assert house.admission.in_flight == 0


async def test_a_model_speaks_as_many_utterances_at_once_as_it_declares(build: Build) -> None:
    house = await build()
    clients = [house.client(Start(), Text("one")) for _ in range(5)]
    for client in clients[:4]:
        await client.got(Started)
    assert (house.admission.in_flight, house.admission.queued) == (4, 1)
    for client in clients:
        client.say(Text(" two", last=True), None)
    await asyncio.gather(*(client.stream for client in clients))
    assert [client.speech_ms for client in clients] == [200] * 5


async def test_the_report_holds_what_an_utterance_was_and_cost(build: Build) -> None:
    house = await build()
    client = house.client(Start(utterance_id="u1"), FOUR_WORDS, None)
    await client.stream
    report = client.utterance.report
    assert (report.model, report.voice, report.outcome) == ("plain", "plain/one", "complete")
    assert (report.text_chars, report.samples, report.audio_s) == (18, 19_200, 0.4)
    assert report.rtf == pytest.approx(report.synth_ms / 400)
    assert Report().rtf == 0


async def test_level_and_trim_are_what_the_limits_say(build: Build) -> None:
    house = await build()
    house.limits = replace(LIMITS, level=True)
    client = house.client(Start(), FOUR_WORDS, None)
    await client.stream
    loud = max(b for event in client.events if isinstance(event, Frame) for b in memoryview(event.pcm).cast("h"))
    assert loud == pytest.approx(scripted.LEVEL * 10 ** (gain_db(house) / 20), rel=0.05)
    assert abs(gain_db(house)) > 0.5


def gain_db(house: House) -> float:
    return house.residents._residents["plain"].gain_db("one")
