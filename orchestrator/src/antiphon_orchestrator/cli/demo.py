"""`antiphon demo`: the machine is interviewed by a second voice; recording, events and a picture are kept."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from antiphon_core.errors import CannotLoad
from antiphon_core.resample import Resampler

from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Track, calling, laid_out
from antiphon_orchestrator.cli.interview import LINES, Interview
from antiphon_orchestrator.cli.remote import add_remote_flags, check, reaching
from antiphon_orchestrator.cli.timeline import Span, Timeline, Words, spans_between

_PITCH = 1.16
"""The interviewer sounds higher than the machine, at the same pace."""
_READY_S = 600.0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="antiphon demo",
        description="A second voice interviews the machine: a plain question, a pause in mid-sentence, a backchannel, "
        "a cough and a keyboard, a real interruption. Writes demo.wav (left: interviewer, right: machine), demo.json "
        "(every event with its time) and demo.png (what happened, at a glance).",
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("out/demo"), help="folder to write to (default: out/demo)"
    )
    add_remote_flags(parser, server="")
    parser.add_argument("--voice", default="", help="MODEL/VOICE the machine speaks with")
    arguments = parser.parse_args(argv)
    return asyncio.run(_demo(arguments))


async def _demo(arguments: argparse.Namespace) -> int:
    if arguments.server:
        interview = await _interviewed(arguments.server, arguments)
    else:
        async with _own_server() as server:
            interview = await _interviewed(server, arguments)
    for outcome in interview.checks:
        print(f"{'ok  ' if outcome.ok else 'FAIL'}  {outcome.what}{f' ({outcome.detail})' if outcome.detail else ''}")
    heard = [heard_ms - said_ms for said_ms, heard_ms in interview.latencies]
    print(f"end of speech to first sound: {', '.join(f'{ms:.0f}' for ms in heard)} ms")
    arguments.out.mkdir(parents=True, exist_ok=True)
    _write(arguments.out, interview)
    return 0 if all(outcome.ok for outcome in interview.checks) else 1


async def _interviewed(server: str, arguments: argparse.Namespace) -> Interview:
    lines = await asyncio.to_thread(_spoken_lines, server, arguments.key, arguments.ca)
    audio: dict[str, Any] = {"input": {"transcription": {}}}
    if arguments.voice:
        audio["output"] = {"voice": arguments.voice}
    async with calling(server, key=arguments.key, ca=arguments.ca, session={"audio": audio}) as call:
        interview = Interview(call, lines, lambda line: print(line, flush=True))
        await interview.run()
    return interview


def _spoken_lines(server: str, key: str, ca: Path | None) -> dict[str, Track]:
    """The interviewer's lines: the server's own voice, slower, then played faster and thereby higher."""
    lines = {}
    with reaching(server, key, ca) as client:
        for line in LINES:
            body = {"input": line, "response_format": "pcm", "speed": 1 / _PITCH}
            answer = client.post("/v1/audio/speech", json=body)
            check(answer)
            resampler = Resampler(round(RATE_HZ * _PITCH), RATE_HZ)
            slow = np.frombuffer(answer.content, "<i2").astype(np.int16)
            lines[line] = np.concatenate((resampler.push(slow), resampler.finish()))
    return lines


# ------------------------------------------------------------------- a server of its own


@asynccontextmanager
async def _own_server() -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print("starting a server ...", flush=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon_orchestrator.cli.main", "up", "--port", str(port), start_new_session=True
    )
    server = f"http://127.0.0.1:{port}"
    try:
        await _ready(process, server)
        yield server
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, server: str) -> None:
    async with asyncio.timeout(_READY_S):
        while not await asyncio.to_thread(_is_ready, server):
            if process.returncode is not None:
                raise CannotLoad("the server ended before it was ready; see its words above")
            await asyncio.sleep(0.2)


def _is_ready(server: str) -> bool:
    try:
        with reaching(server, "") as client:
            return client.get("/readyz").is_success
    except ConnectionError:
        return False


# ----------------------------------------------------------------------------- what is kept


def _write(folder: Path, interview: Interview) -> None:
    call = interview.call
    samples = max(start + len(audio) for start, audio in (*call.spoken, *call.heard))
    tracks = (laid_out(call.spoken, samples), laid_out(call.heard, samples))
    with wave.open(str(folder / "demo.wav"), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.stack(tracks, axis=1).tobytes())
    (folder / "demo.json").write_text(json.dumps(_as_json(interview), indent=1, ensure_ascii=False), encoding="utf-8")
    _timeline(interview, tracks).save(folder / "demo.png")
    print(f"kept in {folder}: demo.wav, demo.json, demo.png")


def _as_json(interview: Interview) -> dict[str, Any]:
    events = [{"at_ms": round(told.at_ms, 1), **_without_audio(told.event)} for told in interview.call.told]
    return {
        "rate_hz": RATE_HZ,
        "checks": [{"what": c.what, "ok": c.ok, "detail": c.detail} for c in interview.checks],
        "latencies_ms": [round(heard_ms - said_ms, 1) for said_ms, heard_ms in interview.latencies],
        "interviewer": [{"from_ms": round(a, 1), "to_ms": round(b, 1), "text": text} for a, b, text in interview.said],
        "machine": _machine_words(interview.call),
        "events": events,
    }


def _without_audio(event: dict[str, Any]) -> dict[str, Any]:
    """Audio is in the recording."""
    is_audio = event["type"] == "response.output_audio.delta"
    return {key: value for key, value in event.items() if not (is_audio and key == "delta")}


def _machine_words(call: Call) -> list[dict[str, Any]]:
    """Each answer as it was heard, and when its first frame came."""
    first: dict[str, float] = {}
    for told in call.told:
        if told.type == "response.output_audio.delta":
            first.setdefault(told.event["item_id"], told.at_ms)
    items = {event["item"]["id"]: event["item"] for event in call.events("response.output_item.done")}
    return [
        {
            "from_ms": round(at_ms, 1),
            "text": items[item_id]["content"][0]["transcript"],
            "status": items[item_id]["status"],
        }
        for item_id, at_ms in first.items()
        if item_id in items
    ]


def _timeline(interview: Interview, tracks: tuple[Track, Track]) -> Timeline:
    call = interview.call
    times = {
        name: [told.at_ms for told in call.told if told.type == f"antiphon.output.{name}"]
        for name in ("held", "resumed", "interrupted")
    }
    machine = [Words(1, words["from_ms"], words["text"]) for words in _machine_words(call)]
    return Timeline(
        "Antiphon: an interview",
        tracks,
        RATE_HZ,
        words=[Words(0, begun_ms, text) for begun_ms, _, text in interview.said] + machine,
        held=spans_between(times["held"], times["resumed"] + times["interrupted"], call.now_ms, "held"),
        interrupted_ms=times["interrupted"],
        latencies=[Span(said, heard, f"{heard - said:.0f} ms") for said, heard in interview.latencies],
    )
