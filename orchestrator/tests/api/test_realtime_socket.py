"""The Realtime protocol over real sockets: who gets in, who is hung up on, and what is left when they go."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from dataclasses import replace
from functools import partial

import pytest
from antiphon_orchestrator.providers import Mind, Providers
from antiphon_orchestrator.session.session import Session
from antiphon_orchestrator.testing.llm import ScriptedLlm, Silence
from antiphon_orchestrator.testing.server import Caller, Scripted, Serving, eventually, serving
from antiphon_orchestrator.testing.speech import ScriptedSpeech
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.integration

LONG = "word " * 200


def sessions(server: Serving) -> int:
    return len(server.server.conversations)


async def nobody_left(server: Serving) -> None:
    await eventually(lambda: not sessions(server))


async def test_a_client_holds_a_conversation() -> None:
    async with serving(Scripted(mind=ScriptedLlm(["Good day."]))) as server, server.call("?model=gpt-realtime") as call:
        await call.write("Hello.")
        await call.send("response.create")
        done = await call.until("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "Good day."
        assert any(event["type"] == "response.output_audio.delta" for event in call.told)


async def test_only_who_asks_for_them_gets_our_own_events() -> None:
    async with serving() as server:
        async with server.call() as standard:
            await standard.send("response.create")
            await standard.until("response.done")
            assert not [event for event in standard.told if event["type"].startswith("antiphon.")]
        async with server.call("?antiphon_events=true") as curious:
            await curious.send("response.create")
            await curious.until("antiphon.state")


async def test_a_message_that_is_too_long_ends_only_its_own_connection() -> None:
    async with serving(max_message_bytes=65_536) as server, server.call() as other, server.call() as call:
        with pytest.raises(ConnectionClosed):
            await call.socket.send("x" * 10_000_000)
        assert await call.ended() == 1009
        await other.send("response.create")
        await other.until("response.done")


async def test_without_a_setting_sixteen_megabytes_are_the_limit() -> None:
    async with serving() as server, server.call() as call:
        with pytest.raises(ConnectionClosed):
            await call.socket.send("x" * (16 * 1024 * 1024 + 1))
        assert await call.ended() == 1009


async def test_bytes_that_are_no_text_end_only_their_own_connection() -> None:
    async with serving() as server, server.call() as other, server.call() as call:
        await call.socket.send(b"\xff\xfe not json")
        error = await call.until("error")
        assert error["error"]["code"] == "invalid_json"
        await other.send("response.create")
        await other.until("response.done")


async def test_conversations_beyond_the_limit_are_refused_before_they_begin(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(max_sessions=2) as server, server.call(), server.call():
        with pytest.raises(InvalidStatus) as refused:
            async with server.call():
                pass
        response = refused.value.response
        assert response.status_code == 429
        assert json.loads(response.body)["error"]["code"] == "rate_limit_exceeded"
        assert response.headers["Retry-After"] == "5"
        assert sessions(server) == 2
    assert [record.message for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_a_crowd_at_the_door_gets_no_more_places_than_there_are() -> None:
    tried = asyncio.Barrier(12)
    async with serving(max_sessions=3) as server:

        async def try_it() -> bool:
            try:
                async with server.call():
                    await tried.wait()
            except InvalidStatus:
                await tried.wait()
                return False
            return True

        let_in = await asyncio.gather(*(try_it() for _ in range(12)))
        assert sum(let_in) == 3


async def test_nobody_is_let_in_while_the_models_load() -> None:
    class Loading(Scripted):
        def providers(self) -> Providers:
            return replace(super().providers(), load_mind=slow)

    loading = threading.Event()

    def slow() -> Mind:
        loading.wait()
        raise RuntimeError("no such weights")

    async with serving(Loading(), ready=False) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with server.call():
                pass
        assert refused.value.response.status_code == 429
        loading.set()
        await eventually(lambda: "RuntimeError: no such weights" in str(server.server.missing()))
        assert "RuntimeError: no such weights" in (await server.http.get("/readyz")).text


async def test_a_session_that_fails_is_closed_with_an_error_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(session: Session, samples: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    async with serving() as server, server.call() as other, server.call() as call:
        monkeypatch.setattr(Session, "hear", broken)
        await call.send("input_audio_buffer.append", audio="AAAAAAAA")
        error = await call.until("error")
        assert error["error"]["code"] == "session_failed"
        assert await call.ended() == 1011
        await other.send("response.create")
        await other.until("response.done")
        assert sessions(server) == 1
    logged = capsys.readouterr().out
    assert "a bug of ours" in logged
    assert "Traceback" in logged


# ------------------------------------------------------------------- who never reads


async def never_reading(port: int) -> socket.socket:
    """A client that has asked for a conversation and reads nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(
        client,
        b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await loop.sock_recv(client, 1)
    return client


def masked(text: str) -> bytes:
    """A text frame as clients send it, with a mask of zeros."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return b"\x81" + length + bytes(4) + data


async def test_who_never_reads_is_hung_up_on() -> None:
    async with serving(max_unread_bytes=262_144) as server:
        client = await never_reading(server.port)
        item = {"id": "a", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 20_000}]}
        first = masked(json.dumps({"type": "conversation.item.create", "item": item}))
        asking = asyncio.create_task(
            flood(client, first, masked(json.dumps({"type": "conversation.item.retrieve", "item_id": "a"})))
        )
        await eventually(lambda: sessions(server))
        await nobody_left(server)
        asking.cancel()
        metrics = (await server.http.get("/metrics")).text
        assert 'antiphon_sessions_ended_total{reason="slow_client"} 1.0' in metrics
        client.settimeout(5)
        received = await asyncio.to_thread(until_closed, client, struct.pack(">H", 1013) + b"the client left more than")
        assert received < 8_000_000
        client.close()


async def test_who_takes_nothing_at_all_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon_orchestrator.api.hosting._Socket.stuck_s", 0.5)
    async with serving(max_unread_bytes=262_144) as server:
        client = await never_reading(server.port)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(15):
                await flood(client, b"", masked(json.dumps({"type": "x" * 100})) * 100)
        await nobody_left(server)
        client.close()


async def flood(client: socket.socket, first: bytes, again: bytes) -> None:
    """Sends for ever."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, first)
    while True:
        await loop.sock_sendall(client, again)


def until_closed(client: socket.socket, reason: bytes) -> int:
    """Reads up to the close frame; how many bytes there were."""
    received, tail = 0, b""
    while reason not in tail:
        piece = client.recv(1 << 20)
        received, tail = received + len(piece), (tail + piece)[-200:]
    return received


# --------------------------------------------------------------------- who vanishes


async def test_who_vanishes_in_whatever_state_leaves_nothing_running() -> None:
    mind, speech = ScriptedLlm(), ScriptedSpeech()
    async with serving(Scripted(mind=mind, speech=speech)) as server:

        async def idle(call: Caller) -> None:
            """Says nothing."""

        async def thinking(call: Caller) -> None:
            mind.will([Silence.HANG])
            await call.send("response.create")
            await call.until("response.created")

        async def writing(call: Caller) -> None:
            mind.will(["Some words. ", Silence.HANG])
            await call.send("response.create")
            await call.until("response.output_audio_transcript.delta")

        async def speaking(call: Caller) -> None:
            mind.will([LONG])
            await call.send("response.create")
            await call.until("response.output_audio.delta")

        for state in (idle, thinking, writing, speaking):
            for abruptly in (False, True):
                before = len(asyncio.all_tasks())
                async with server.call() as call:
                    await state(call)
                    assert sessions(server) == 1
                    if abruptly:
                        call.socket.transport.abort()
                await nobody_left(server)
                await eventually(lambda: not mind.running and not speech.running)
                await eventually(partial(no_more_tasks_than, before))


def no_more_tasks_than(before: int) -> bool:
    return len(asyncio.all_tasks()) <= before


async def test_the_end_of_the_server_ends_every_conversation() -> None:
    mind, speech = ScriptedLlm([LONG], [Silence.HANG]), ScriptedSpeech()
    scripted = Scripted(mind=mind, speech=speech)
    async with serving(scripted) as server, server.call() as speaking, server.call() as thinking:
        await speaking.send("response.create")
        await speaking.until("response.output_audio.delta")
        await thinking.send("response.create")
        await thinking.until("response.created")
        server.server.conversations.end()
        assert await speaking.ended() == 1012
        assert await thinking.ended() == 1012
        with pytest.raises(InvalidStatus) as refused:
            async with server.call():
                pass
        assert refused.value.response.status_code == 503
        assert (mind.running, speech.running) == (0, 0)


async def test_a_signal_to_the_server_ends_every_conversation_in_bounded_time() -> None:
    mind = ScriptedLlm([LONG])
    scripted = Scripted(mind=mind)
    async with serving(scripted) as server, server.call() as call:
        await call.send("response.create")
        await call.until("response.output_audio.delta")
        server.web.should_exit = True
        assert await call.ended() in (1000, 1012)
        await eventually(lambda: mind.running == 0)
