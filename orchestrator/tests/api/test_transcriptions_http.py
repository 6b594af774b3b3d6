"""POST /v1/audio/transcriptions over a real socket: every way to send a recording and to have it written."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
import pytest
from antiphon_core.errors import EngineFailed, Unsupported
from antiphon_orchestrator.api import transcriptions
from antiphon_orchestrator.api.uploads import decoded
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript, Word
from antiphon_orchestrator.testing import server as server_testing
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedVad
from antiphon_orchestrator.testing.server import Scripted, Serving, eventually, serving
from antiphon_orchestrator.testing.voice import silence, speak
from clips import encoded, wav

pytestmark = pytest.mark.integration

URL = "/v1/audio/transcriptions"
HELLO = np.concatenate((silence(EARS_RATE_HZ), speak("Hello there."), silence(EARS_RATE_HZ)))
TWO = np.concatenate((HELLO, speak("And bye."), silence(EARS_RATE_HZ)))


async def transcribed(server: Serving, data: bytes = b"", **fields: Any) -> Any:
    return await server.http.post(URL, files={"file": ("x.wav", data or wav(HELLO))}, data=fields)


async def test_json_is_what_comes_unless_something_else_is_wanted() -> None:
    async with serving() as server:
        answer = await transcribed(server, model="whisper-1")
        assert answer.json() == {"text": "Hello there.", "usage": {"type": "duration", "seconds": 2}}


async def test_text_and_captions_are_plain() -> None:
    async with serving() as server:
        assert (await transcribed(server, response_format="text")).text == "Hello there.\n"
        srt = (await transcribed(server, wav(TWO), response_format="srt")).text
        assert srt.split("\n\n")[0].startswith("1\n00:00:00,")
        assert "\n\n2\n00:00:0" in srt
        assert "Hello there." in srt
        assert "And bye." in srt
        vtt = (await transcribed(server, wav(TWO), response_format="vtt")).text
        assert vtt.startswith("WEBVTT\n\n00:00:00.")
        assert "-->" in vtt


async def test_verbose_json_tells_times_and_words_where_the_recogniser_does() -> None:
    class Timing(ScriptedAsr):
        async def transcribe(self, audio: HeardSamples, **named: Any) -> Transcript:
            heard = await super().transcribe(audio, **named)
            return Transcript(heard.text, heard.language, (Word("Hello", 0, 8_000), Word("there.", 8_000, 16_000)))

    async with serving(Scripted(asr=Timing())) as server:
        answer = (await transcribed(server, response_format="verbose_json")).json()
        (segment,) = answer["segments"]
        assert answer["duration"] == pytest.approx(2.48)
        assert segment["text"] == answer["text"] == "Hello there."
        assert 0.5 <= segment["start"] <= 1.0 < segment["end"]
        assert [word["word"] for word in answer["words"]] == ["Hello", "there."]
        assert answer["words"][1]["start"] == pytest.approx(segment["start"] + 0.5)


async def test_without_word_times_there_are_no_words() -> None:
    async with serving() as server:
        assert (await transcribed(server, response_format="verbose_json")).json()["words"] is None


async def test_as_a_stream_it_comes_piece_by_piece() -> None:
    async with serving() as server:
        answer = await transcribed(server, wav(TWO), stream="true")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
        assert [event.get("delta") for event in events] == ["Hello there.", " And bye.", None]
        assert events[-1] == {"type": "transcript.text.done", "text": "Hello there. And bye."}


async def test_the_language_and_the_prompt_reach_the_recogniser() -> None:
    asr = ScriptedAsr()
    async with serving(Scripted(asr=asr)) as server:
        await transcribed(server, language="de", prompt="Antiphon")
        assert (asr.calls[0].language, asr.calls[0].prompt, asr.calls[0].urgent) == ("de", "Antiphon", False)


@pytest.mark.parametrize(
    ("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac"), ("webm", "libopus")]
)
async def test_recordings_of_every_kind_are_read(container: str, codec: str) -> None:
    asr = ScriptedAsr()
    async with serving(Scripted(asr=asr)) as server:
        answer = await transcribed(server, encoded(HELLO, container, codec))
        assert answer.status_code == 200, answer.text
        assert sum(call.samples for call in asr.calls) > EARS_RATE_HZ / 2


@pytest.mark.parametrize(
    ("data", "fields", "status", "param"),
    [
        (b"", {"file": None}, 400, "file"),
        (b"this is no recording", {}, 400, "file"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", {}, 400, "file"),
        (wav(HELLO), {"model": "nobody"}, 404, "model"),
        (wav(HELLO), {"response_format": "pdf"}, 400, "response_format"),
        (wav(HELLO), {"nonsense": "x"}, 400, "nonsense"),
    ],
)
async def test_what_is_wrong_is_named(data: bytes, fields: dict[str, Any], status: int, param: str) -> None:
    async with serving() as server:
        if "file" in fields:
            answer = await server.http.post(URL, data={"model": "whisper-1"})
        else:
            answer = await transcribed(server, data, **fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_a_body_that_is_no_form_is_refused_in_json() -> None:
    async with serving() as server:
        for content, kind in ((b"{}", "application/json"), (b"\0\1garbage", "multipart/form-data; boundary=x")):
            answer = await server.http.post(URL, content=content, headers={"content-type": kind})
            assert answer.status_code == 400
            assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_recording_that_is_too_large_is_refused_before_all_of_it_has_come() -> None:
    async with serving(max_upload_bytes=65_536) as server:
        assert (await transcribed(server, bytes(400_000))).status_code == 413

        head = (
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        answer = await answer_to_an_endless_body(server.port, head)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"request_too_large" in answer


async def answer_to_an_endless_body(port: int, head: bytes) -> bytes:
    """What a server says to a client that would go on for ever."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + bytes(65_536)

    async def send() -> None:
        writer.write(head)
        with suppress(ConnectionError):
            while True:
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                await writer.drain()

    sending = asyncio.create_task(send())
    answer = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            answer += piece
    sending.cancel()
    writer.transport.abort()
    return answer


async def test_hours_in_a_small_file_are_refused() -> None:
    async with serving(max_upload_s=60.0) as server:
        data = encoded(silence(120 * EARS_RATE_HZ), "flac", "flac")
        assert len(data) < 400_000
        answer = await transcribed(server, data)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_recogniser_that_fails_has_its_own_status() -> None:
    asr = ScriptedAsr()
    async with serving(Scripted(asr=asr)) as server:
        asr.fail(Unsupported("it knows no Latin"), EngineFailed("it broke"))
        answer = await transcribed(server)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported")
        assert (await transcribed(server)).status_code == 500
        asr.fail(EngineFailed("it broke"))
        streamed = (await transcribed(server, stream="true")).text
        assert json.loads(streamed.removeprefix("data: "))["type"] == "error"


async def test_more_recordings_at_once_than_can_be_kept_are_refused_and_places_come_back() -> None:
    may_end = asyncio.Event()

    async def until_it_may_end(cost_s: float) -> None:
        await may_end.wait()

    async with serving(Scripted(asr=ScriptedAsr(sleep=until_it_may_end))) as server:
        asking = [asyncio.create_task(transcribed(server, stream=kind)) for kind in ["true", "false"] * 5]
        await eventually(lambda: sum(task.done() for task in asking) == 2)
        may_end.set()
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*asking))
        assert statuses == [200] * 8 + [429] * 2
        assert (await transcribed(server)).status_code == 200


async def test_a_long_recording_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unpacked, and looked through for speech, in threads beside the event loop."""
    worked_in: dict[str, set[int]] = {"unpack": set(), "look": set()}

    def unpack(file: BinaryIO, max_s: float) -> HeardSamples:
        worked_in["unpack"].add(threading.get_ident())
        return decoded(file, max_s)

    class Vad(ScriptedVad):
        def probability(self, window: HeardSamples) -> float:
            worked_in["look"].add(threading.get_ident())
            return super().probability(window)

    monkeypatch.setattr(transcriptions, "decoded", unpack)
    monkeypatch.setattr(server_testing, "ScriptedVad", Vad)
    async with serving() as server:
        answer = await transcribed(server, encoded(silence(600 * EARS_RATE_HZ), "flac", "flac"))
        assert answer.json()["text"] == ""
    assert all(worked_in.values())
    assert threading.get_ident() not in set.union(*worked_in.values())


async def test_who_hangs_up_while_it_is_written_down_stops_the_recogniser() -> None:
    asr = ScriptedAsr(cost_s=0.1)
    async with serving(Scripted(asr=asr)) as server:
        many = np.concatenate([TWO] * 10)
        async with server.http.stream("POST", URL, files={"file": ("x", wav(many))}, data={"stream": "true"}) as answer:
            async for _ in answer.aiter_bytes():
                asr.cost_s, calls = 3_600.0, len(asr.calls)
                await eventually(lambda: len(asr.calls) > calls)  # noqa: B023
                break
        await eventually(lambda: asr.running == 0)
        assert len(asr.calls) == calls + 1
