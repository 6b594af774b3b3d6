"""`antiphon talk`: one turn with a running server, a recording in and the answer out."""

from __future__ import annotations

import argparse
import asyncio
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Told, Track, calling, laid_out, read_track
from antiphon_orchestrator.cli.remote import add_remote_flags

_AUDIBLE = 300
_ANSWER_S = 60.0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="antiphon talk", description="Streams a recording to a running server as a caller would; keeps the answer."
    )
    parser.add_argument("question", type=Path, help="recording to speak (wav, mp3, flac, ...)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("reply.wav"), help="where the answer goes (default: reply.wav)"
    )
    add_remote_flags(parser)
    parser.add_argument("--voice", default="", help="MODEL/VOICE to answer with")
    return asyncio.run(_talk(parser.parse_args(argv)))


async def _talk(arguments: argparse.Namespace) -> int:
    track = read_track(arguments.question)
    audio: dict[str, object] = {"input": {"transcription": {}}}
    if arguments.voice:
        audio["output"] = {"voice": arguments.voice}
    async with calling(arguments.server, key=arguments.key, ca=arguments.ca, session={"audio": audio}) as call:
        done = asyncio.Event()
        call.listeners.append(lambda told: _show(told, done))
        await call.speak(track)
        said_ms = call.now_ms - (len(track) - speech_end(track)) * 1000 / RATE_HZ
        answered = await call.silent_until(done, _ANSWER_S)
    errors = call.events("error")
    for error in errors:
        print(f"error: {error['error']['message']}", file=sys.stderr)
    if not answered:
        print("antiphon talk: no answer came", file=sys.stderr)
        return 1
    _write(arguments.out, call)
    _tell_latencies(call, said_ms)
    return 1 if errors else 0


def speech_end(track: Track) -> int:
    """Where the last sound of a recording ends."""
    loud = np.flatnonzero(np.abs(track.astype(np.int32)) > _AUDIBLE)
    return int(loud[-1]) + 1 if len(loud) else len(track)


def first_audible_ms(call: Call, after_ms: float = 0.0) -> float | None:
    """When the first sound of an answer was played."""
    for start, audio in call.heard:
        loud = np.flatnonzero(np.abs(audio.astype(np.int32)) > _AUDIBLE)
        at_ms = (start + int(loud[0])) * 1000 / RATE_HZ if len(loud) else -1.0
        if at_ms >= after_ms:
            return at_ms
    return None


def _show(told: Told, done: asyncio.Event) -> None:
    if told.type == "conversation.item.input_audio_transcription.completed":
        print(f"{told.at_ms / 1000:7.2f} s  you:  {told.event['transcript']}")
    elif told.type == "response.output_audio_transcript.done":
        print(f"{told.at_ms / 1000:7.2f} s  it:   {told.event['transcript']}")
    elif told.type == "response.done":
        done.set()


def _write(path: Path, call: Call) -> None:
    if not call.heard:
        return
    begin = call.heard[0][0]
    end = max(start + len(audio) for start, audio in call.heard)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(laid_out([(start - begin, audio) for start, audio in call.heard], end - begin).tobytes())
    print(f"answer in {path}")


def _tell_latencies(call: Call, said_ms: float) -> None:
    for name, at_ms in (
        ("end of turn heard", call.event_ms("input_audio_buffer.committed")),
        ("first text of the answer", call.event_ms("response.output_audio_transcript.delta")),
        ("first audible answer", first_audible_ms(call, said_ms)),
    ):
        if at_ms is not None:
            print(f"{name}: {at_ms - said_ms:.0f} ms after the last sound of the question")
