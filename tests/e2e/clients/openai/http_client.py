"""The openai SDK without a call: speech as a stream and as events, transcription whole and as a stream, models."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from call import TO_SPEAK, Orders, Report, hand_in, orders
from openai import AsyncOpenAI


async def speak_to_a_file(client: AsyncOpenAI, path: Path) -> int:
    """How many pieces came."""
    speech = client.audio.speech.with_streaming_response
    pieces = 0
    async with speech.create(model="gpt-4o-mini-tts", voice="coral", input=TO_SPEAK, response_format="mp3") as answer:
        with path.open("wb") as file:
            async for piece in answer.iter_bytes():
                file.write(piece)
                pieces += 1
    return pieces


async def speak_in_events(client: AsyncOpenAI) -> bytes:
    """The audio of all events."""
    options = {"response_format": "pcm", "stream_format": "sse"}
    answer = await client.audio.speech.create(model="tts-1", voice="alloy", input=TO_SPEAK, extra_body=options)
    lines = answer.text.splitlines()
    return b"".join(
        base64.b64decode(line.split('"audio": "')[1].rstrip('"}')) for line in lines if '"audio": "' in line
    )


async def work(client: AsyncOpenAI, given: Orders, report: Report) -> None:
    spoken = Path(given.folder, "spoken.mp3")
    report.notes["pieces"] = await speak_to_a_file(client, spoken)
    report.heard["speech"] = str(spoken)
    written = await client.audio.transcriptions.create(model="whisper-1", file=spoken)
    report.notes["written"] = written.text
    stream = await client.audio.transcriptions.create(model="gpt-4o-transcribe", file=spoken, stream=True)
    report.notes["streamed"] = [event.to_dict() async for event in stream]
    detailed = await client.audio.transcriptions.create(
        model="whisper-1", file=spoken, response_format="verbose_json", timestamp_granularities=["segment"]
    )
    report.notes["seconds"] = detailed.duration
    report.notes["models"] = [model.id async for model in client.models.list()]


async def main() -> None:
    given, report = orders(), Report()
    client = AsyncOpenAI(api_key="none", base_url=given.http)
    await work(client, given, report)
    hand_in(given, report, {"events": await speak_in_events(client)})


if __name__ == "__main__":
    asyncio.run(main())
