"""What a call tells about its own voice: when an answer begins, ends or is cut, whatever follows it."""

from __future__ import annotations

import json

import pytest
from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.api.realtime.webrtc_outlet import CallOutlet
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.testing.protocol import check_server_event

FRAME = bytes(960)


class Call:
    """A session's side of an outlet, and what its client is told."""

    def __init__(self) -> None:
        self._outbox = Outbox(100_000)
        self.outlet = CallOutlet(self._outbox)

    def speak(self, response_id: str, frames: int = 1) -> None:
        for _ in range(frames):
            self.outlet.audio(ResponseSheet(response_id, spoken=True), "item_1", FRAME)

    def done(self, response_id: str) -> None:
        self.outlet.event("response.done", response={"id": response_id, "object": "realtime.response"})

    def cut(self, response_id: str) -> None:
        self.outlet.event(
            "antiphon.output.interrupted", item_id="item_1", response_id=response_id, audio_end_ms=20, transcript="One"
        )

    def slots(self, count: int) -> None:
        for _ in range(count):
            self.outlet.voice.next_packet()

    async def told(self) -> list[str]:
        """Every event so far, by type and response; each was checked against the protocol."""
        self._outbox.close(1000, "")
        told = []
        while (message := await self._outbox.next()) is not None:
            event = json.loads(message)
            check_server_event(event)
            response_id = event.get("response_id") or event.get("response", {}).get("id", "")
            told.append(f"{event['type'].rpartition('.')[2]} {response_id}".strip())
        return told


async def test_an_answer_stops_when_its_last_frame_has_left() -> None:
    call = Call()
    call.speak("resp_1", 3)
    call.done("resp_1")
    call.slots(2)
    call.outlet.event("input_audio_buffer.cleared")
    call.slots(2)
    assert await call.told() == ["started resp_1", "done resp_1", "cleared", "stopped resp_1"]


async def test_an_answer_that_is_cut_is_cleared_and_never_stops() -> None:
    call = Call()
    call.speak("resp_1", 3)
    call.cut("resp_1")
    call.done("resp_1")
    call.slots(5)
    assert await call.told() == ["started resp_1", "cleared resp_1", "truncated", "done resp_1"]


async def test_what_was_never_heard_is_never_cleared() -> None:
    call = Call()
    call.cut("resp_1")
    call.done("resp_1")
    assert await call.told() == ["done resp_1"]


async def test_an_answer_right_behind_another_ends_it_first() -> None:
    call = Call()
    call.speak("resp_1", 3)
    call.done("resp_1")
    call.speak("resp_2", 2)
    call.slots(10)
    call.done("resp_2")
    call.slots(1)
    assert await call.told() == [
        "started resp_1",
        "done resp_1",
        "stopped resp_1",
        "started resp_2",
        "done resp_2",
        "stopped resp_2",
    ]


@pytest.mark.parametrize(("hushes", "left"), [(True, 1), (False, 5)])
def test_a_hold_drops_what_waits_unless_the_voice_goes_on_quietly(hushes: bool, left: int) -> None:
    call = Call()
    call.outlet.hushes = hushes
    call.speak("resp_1", 5)
    call.outlet.event("antiphon.output.held", item_id="item_1", response_id="resp_1")
    assert call.outlet.voice.waiting == left
