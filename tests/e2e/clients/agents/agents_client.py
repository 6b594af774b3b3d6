"""openai-agents: a realtime agent with a tool holds a call and is interrupted; its own history is handed in."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from call import INSTRUCTIONS, LISTENS_S, RATE_HZ, TYPED, Microphone, Orders, Report, hand_in, orders


class Caller:
    """An application around a session."""

    def __init__(self, session: RealtimeSession, report: Report) -> None:
        self.session = session
        self.report = report
        self.microphone = Microphone()
        self.audio: dict[str, bytes] = {}
        self.asked = "question"
        self.history: list[Any] = []
        self._asked_for: dict[str, str] = {}
        self._turns: asyncio.Queue[None] = asyncio.Queue()
        self._heard_enough = asyncio.Event()

    async def speak(self) -> None:
        async for frame in self.microphone.frames():
            await self.session.send_audio(frame)

    async def listen(self) -> None:
        async for event in self.session:
            self._take(event)

    def _take(self, event: Any) -> None:
        match event.type:
            case "audio":
                self._play(event.audio.item_id, event.audio.data)
            case "audio_interrupted":
                self.report.notes["interrupted"] = event.item_id
            case "tool_end":
                self.report.tool_calls.append(f"{event.tool.name} -> {event.output}")
            case "agent_end":
                self._turns.put_nowait(None)
            case "history_updated":
                self.history = event.history
            case "history_added":
                self.history = [*[item for item in self.history if item.item_id != event.item.item_id], event.item]
            case "error":
                self.report.errors.append(str(event.error))
            case "raw_model_event" if event.data.type == "exception":
                self.report.errors.append(f"{event.data.context}: {event.data.exception!r}")

    def _play(self, item_id: str, pcm: bytes) -> None:
        name = self._asked_for.setdefault(item_id, self.asked)
        self.audio[name] = self.audio.get(name, b"") + pcm
        if len(self.audio[name]) >= LISTENS_S * RATE_HZ * 2:
            self._heard_enough.set()

    async def ask(self, name: str, line: bytes, turns: int = 1) -> None:
        """Says a line and waits for so many turns of the agent's to end."""
        self.asked = name
        self._heard_enough.clear()
        await self.microphone.say(line)
        for _ in range(turns):
            await self._turns.get()

    async def hear_enough(self) -> None:
        await self._heard_enough.wait()


@function_tool
def weather(city: str) -> str:
    """Tells the weather."""
    return '{"sky": "cloudy"}'


async def main() -> None:
    given, report = orders(), Report()
    set_tracing_disabled(True)
    agent = RealtimeAgent(name="teacher", instructions=INSTRUCTIONS, tools=[weather])
    url = f"{given.realtime}/realtime?model=gpt-realtime-2.1"
    session = await RealtimeRunner(agent).run(model_config={"url": url, "api_key": "none"})
    async with session:
        caller = Caller(session, report)
        tasks = [asyncio.create_task(caller.speak()), asyncio.create_task(caller.listen())]
        await converse(caller, given)
        await asyncio.sleep(0.5)  # the client reads its items again after a turn
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    report.history = [
        (item.role, " ".join(filter(None, map(_text, item.content))))
        for item in caller.history
        if item.type == "message"
    ]
    hand_in(given, report, caller.audio)


async def converse(caller: Caller, given: Orders) -> None:
    await caller.ask("question", given.line("question"))
    await caller.ask("errand", given.line("errand"), turns=2)
    caller.asked = "typed"
    await caller.session.send_message(TYPED)
    await caller.ask("typed", b"")
    await caller.ask("topic", given.line("topic"), turns=0)
    await caller.hear_enough()
    await caller.ask("interruption", given.line("interruption"), turns=2)


def _text(part: Any) -> str | None:
    return getattr(part, "transcript", None) or getattr(part, "text", None)


if __name__ == "__main__":
    asyncio.run(main())
