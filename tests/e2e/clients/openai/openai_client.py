"""The openai SDK: speaks a call, calls a function, types, interrupts."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from call import INSTRUCTIONS, LISTENS_S, RATE_HZ, TYPED, Microphone, Orders, Report, hand_in, orders
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeSessionCreateRequestParam

SESSION: RealtimeSessionCreateRequestParam = {
    "type": "realtime",
    "instructions": INSTRUCTIONS,
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-4o-mini-transcribe"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "auto"},
        },
        "output": {"voice": "marin", "speed": 1.0},
    },
    "tools": [
        {
            "type": "function",
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ],
    "tool_choice": "auto",
}


class Caller:
    """One call, as an application with the SDK would hold it."""

    def __init__(self, connection: AsyncRealtimeConnection, report: Report) -> None:
        self.connection = connection
        self.report = report
        self.microphone = Microphone()
        self.audio: dict[str, bytes] = {}
        self.asked = "question"
        self._done: asyncio.Queue[str] = asyncio.Queue()
        self._started = asyncio.Event()
        self._heard_enough = asyncio.Event()
        self._asked_for: dict[str, str] = {}
        self._playing = ("", 0)

    async def speak(self) -> None:
        async for frame in self.microphone.frames():
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())

    async def listen(self) -> None:
        async for event in self.connection:
            await self._take(event)

    async def _take(self, event: Any) -> None:
        match event.type:
            case "session.updated":
                self.report.notes["voice"] = event.session.audio.output.voice
            case "response.output_audio.delta":
                self._play(event.item_id, base64.b64decode(event.delta))
            case "input_audio_buffer.speech_started" if self.asked == "interruption":
                await self._truncate()
            case "conversation.item.input_audio_transcription.completed":
                self.report.history.append(("user", event.transcript))
            case "response.function_call_arguments.done":
                self.report.tool_calls.append(f"{event.name}({event.arguments})")
                output = {"type": "function_call_output", "call_id": event.call_id, "output": '{"sky": "cloudy"}'}
                await self.connection.conversation.item.create(item=output)
            case "response.done":
                await self._finish(event.response)
            case "error":
                self.report.errors.append(event.error.message)

    def _play(self, item_id: str, pcm: bytes) -> None:
        name = self._asked_for.setdefault(item_id, self.asked)
        self.audio[name] = self.audio.get(name, b"") + pcm
        known = self._playing[1] if item_id == self._playing[0] else 0
        self._playing = (item_id, known + len(pcm))
        if self._playing[1] >= LISTENS_S * RATE_HZ * 2:
            self._heard_enough.set()

    async def _truncate(self) -> None:
        """As the documentation wants it of WebSocket clients: tell how much was played."""
        item_id, size = self._playing
        played_ms = max(0, size * 1000 // (RATE_HZ * 2) - 100)
        self.report.notes["truncated_ms"] = played_ms
        await self.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=played_ms)

    async def _finish(self, response: Any) -> None:
        if any(item.type == "function_call" for item in response.output):
            await self.connection.response.create()
            return
        for item in response.output:
            part = item.content[0]
            self.report.history.append(("assistant", part.transcript or part.text or ""))
        await self._done.put(response.status)

    async def ask(self, name: str, line: bytes) -> None:
        """Says a line and waits for the end of the answer."""
        self.asked = name
        self._heard_enough.clear()
        await self.microphone.say(line)
        await self._done.get()

    async def ask_and_interrupt(self, topic: bytes, interruption: bytes) -> None:
        self.asked = "topic"
        self._heard_enough.clear()
        await self.microphone.say(topic)
        await self._heard_enough.wait()
        await self.ask("interruption", interruption)
        await self._done.get()

    async def type(self, text: str) -> None:
        """A typed question, answered in writing."""
        content = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await self.connection.response.create(response={"output_modalities": ["text"]})
        await self._done.get()


async def hold_a_call(client: AsyncOpenAI, given: Orders, report: Report) -> dict[str, bytes]:
    async with client.realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session=SESSION)
        caller = Caller(connection, report)
        tasks = [asyncio.create_task(caller.speak()), asyncio.create_task(caller.listen())]
        await caller.ask("question", given.line("question"))
        await caller.ask("errand", given.line("errand"))
        await caller.type(TYPED)
        await caller.ask_and_interrupt(given.line("topic"), given.line("interruption"))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return caller.audio


async def main() -> None:
    given, report = orders(), Report()
    client = AsyncOpenAI(api_key="none", base_url=given.http, websocket_base_url=given.realtime)
    hand_in(given, report, await hold_a_call(client, given, report))


if __name__ == "__main__":
    asyncio.run(main())
