"""Calls as they are heard: interruptions, coughs, lost packets, callers on the move. In real time."""

from __future__ import annotations

import asyncio

import aioice.ice
import numpy as np
import pytest
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from antiphon_orchestrator.ports import EARS_RATE_HZ
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.rtc import RATE_HZ, RtcCaller, calling
from antiphon_orchestrator.testing.server import serving
from antiphon_orchestrator.testing.tones import OneSentence, Sounding, loud_ms, tone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

LONG = ["word " * 60]


async def test_an_interruption_drops_what_waits_and_says_so() -> None:
    mind = ScriptedLlm(LONG)
    async with serving(Sounding(mind=mind)) as server, calling(server.http, "?antiphon_events=true") as call:
        call.write("Tell me everything.")
        await call.until("output_audio_buffer.started")
        await asyncio.sleep(0.5)
        call.microphone.say(tone(2.0))
        cleared = await call.until("output_audio_buffer.cleared")
        heard_ms = loud_ms(call.audio, RATE_HZ)
        done = await call.until("response.done")
        cut = await call.until("conversation.item.truncated")
        await asyncio.sleep(0.3)
        assert loud_ms(call.audio, RATE_HZ) - heard_ms <= 120, "only what was on its way"
    assert done["response"]["status"] == "cancelled"
    assert cleared["response_id"] == done["response"]["id"]
    assert cut["item_id"] == done["response"]["output"][0]["id"]
    assert "output_audio_buffer.stopped" not in call.types


async def test_a_cough_hushes_the_voice_and_it_goes_on() -> None:
    async with (
        serving(Sounding(mind=ScriptedLlm(["word " * 15]), asr=OneSentence(""))) as server,
        calling(server.http, "?antiphon_events=true") as call,
    ):
        call.write("Tell me everything.")
        await call.until("output_audio_buffer.started")
        await asyncio.sleep(0.5)
        call.microphone.say(tone(0.25))
        await call.until("antiphon.output.held")
        await call.until("antiphon.output.resumed")
        done = await call.until("response.done")
        await asyncio.sleep(0.2)
        assert done["response"]["status"] == "completed"
        assert loud_ms(call.audio, RATE_HZ) >= 2_900, "all fifteen words of 200 ms"
    assert "output_audio_buffer.cleared" not in call.types


async def test_every_fifth_packet_may_be_lost_and_nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is lost becomes silence; what comes after it is heard when it comes."""
    asr = OneSentence("What is it?")
    async with serving(Sounding(asr=asr)) as server, calling(server.http) as call:
        transport = call.connection.getSenders()[0].transport
        send, sent = transport._send_rtp, 0

        async def lossy(data: bytes) -> None:
            nonlocal sent
            sent += 1
            if sent % 5:
                await send(data)

        monkeypatch.setattr(transport, "_send_rtp", lossy)
        call.microphone.say(tone(2.0))
        await call.until("response.done")
    longest = max(asr.heard, key=len)
    loud = np.flatnonzero(np.abs(longest) > 0.1)
    span_s = (loud[-1] - loud[0]) / EARS_RATE_HZ
    assert 1.9 < span_s < 2.1, "no word has moved"


async def move(caller: RtcCaller) -> None:
    """The caller goes on from another port, as a phone does when it leaves one network for another."""
    connection = caller.connection.getSenders()[0].transport.transport._connection
    old = connection._nominated[1]
    host = old.local_candidate.host
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: aioice.ice.StunProtocol(connection), local_addr=(host, 0)
    )
    protocol.local_candidate = Candidate(
        candidate_foundation("host", "udp", host),
        1,
        "udp",
        candidate_priority(1, "host"),
        host,
        transport.get_extra_info("sockname")[1],
        "host",
    )
    connection._protocols.append(protocol)
    pair = aioice.ice.CandidatePair(protocol, old.remote_candidate)
    request = connection.build_request(pair, nominate=True)
    assert connection.remote_password is not None
    await protocol.request(request, pair.remote_addr, integrity_key=connection.remote_password.encode())
    connection._nominated[1] = pair
    old.protocol.transport.abort()


async def test_a_caller_who_changes_networks_goes_on_hearing() -> None:
    async with serving(Sounding(mind=ScriptedLlm(["word " * 15]))) as server, calling(server.http) as call:
        call.write("Go on.")
        await call.until("output_audio_buffer.started")
        await move(call)
        await call.until("output_audio_buffer.stopped")
        await asyncio.sleep(0.2)
        assert loud_ms(call.audio, RATE_HZ) >= 2_600, "fifteen words of 200 ms, less what was lost in moving"
        call.write("And?")
        await call.until("response.done", times=2)
