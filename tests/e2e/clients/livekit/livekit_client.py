"""LiveKit: an agent session over its OpenAI plug-in, without a room: its own turns, interruptions and playback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from call import INSTRUCTIONS, LISTENS_S, RATE_HZ, TO_SPEAK, TYPED, Microphone, Orders, Report, hand_in, orders
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    AgentStateChangedEvent,
    ErrorEvent,
    FunctionToolsExecutedEvent,
    function_tool,
)
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import openai


class Ear(AudioInput):
    """Gives the agent what the microphone hears."""

    def __init__(self, microphone: Microphone) -> None:
        super().__init__(label="microphone")
        self._frames = microphone.frames()

    async def __anext__(self) -> rtc.AudioFrame:
        pcm = await anext(self._frames)
        return rtc.AudioFrame(pcm, RATE_HZ, 1, len(pcm) // 2)


class Loudspeaker(AudioOutput):
    """Plays at the pace of a loudspeaker, and tells how far it came."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ)
        self.audio: dict[str, bytes] = {}
        self.asked = "question"
        self.heard_enough = asyncio.Event()
        self._segment = b""
        self._began_s = 0.0
        self._playing_out: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._segment:
            self._began_s = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._segment += frame.data.tobytes()
        if self._played_s() >= LISTENS_S:
            self.heard_enough.set()

    def flush(self) -> None:
        super().flush()
        if self._segment and self._playing_out is None:
            left_s = len(self._segment) / (2 * RATE_HZ) - self._played_s()
            self._playing_out = asyncio.get_running_loop().call_later(left_s, self._finish, False)

    def clear_buffer(self) -> None:
        if self._segment:
            self._finish(True)

    def _played_s(self) -> float:
        return min(len(self._segment) / (2 * RATE_HZ), time.monotonic() - self._began_s)

    def _finish(self, interrupted: bool) -> None:
        if self._playing_out is not None:
            self._playing_out.cancel()
        self._playing_out = None
        played_s = self._played_s()
        heard, self._segment = self._segment[: round(played_s * RATE_HZ) * 2], b""
        self.audio[self.asked] = self.audio.get(self.asked, b"") + heard
        self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


@function_tool
async def weather(city: str) -> str:
    """Tells the weather."""
    return '{"sky": "cloudy"}'


async def hold_a_call(given: Orders, report: Report) -> dict[str, bytes]:
    microphone, loudspeaker = Microphone(), Loudspeaker()
    spoken: asyncio.Queue[str] = asyncio.Queue()
    mind = openai.realtime.RealtimeModel(base_url=given.realtime, api_key="none", voice="marin")
    session: AgentSession[None] = AgentSession(
        llm=mind, vad=None, turn_handling={"turn_detection": "realtime_llm"}, tools=[weather]
    )
    session.input.audio = Ear(microphone)
    session.output.audio = loudspeaker

    @session.on("function_tools_executed")
    def _executed(event: FunctionToolsExecutedEvent) -> None:
        report.tool_calls += [f"{call.name}({call.arguments})" for call in event.function_calls]

    @session.on("agent_state_changed")
    def _changed(event: AgentStateChangedEvent) -> None:
        if event.old_state == "speaking":
            spoken.put_nowait(event.new_state)

    @session.on("error")
    def _failed(event: ErrorEvent) -> None:
        report.errors.append(str(event.error))

    await session.start(Agent(instructions=INSTRUCTIONS))
    await converse(session, microphone, loudspeaker, spoken, given)
    report.history = list(_history(session))
    await session.aclose()
    await mind.aclose()
    return loudspeaker.audio


async def converse(
    session: AgentSession[None],
    microphone: Microphone,
    loudspeaker: Loudspeaker,
    spoken: asyncio.Queue[str],
    given: Orders,
) -> None:
    for name in ("question", "errand"):
        loudspeaker.asked = name
        await microphone.say(given.line(name))
        await spoken.get()
    loudspeaker.asked = "typed"
    session.generate_reply(user_input=TYPED)
    await spoken.get()
    loudspeaker.asked = "topic"
    loudspeaker.heard_enough.clear()
    await microphone.say(given.line("topic"))
    await loudspeaker.heard_enough.wait()
    await microphone.say(given.line("interruption"))
    await spoken.get()
    loudspeaker.asked = "interruption"
    await spoken.get()


def _history(session: AgentSession[None]) -> Iterator[tuple[str, str]]:
    for item in session.history.items:
        if item.type == "message":
            yield item.role, item.text_content or ""


async def speak(given: Orders) -> bytes:
    mouth = openai.TTS(base_url=given.http, api_key="none", model="gpt-4o-mini-tts", voice="coral")
    pcm = b""
    async with mouth.synthesize(TO_SPEAK) as stream:
        async for piece in stream:
            pcm += piece.frame.data.tobytes()
    await mouth.aclose()
    return pcm


async def main() -> None:
    given, report = orders(), Report()
    audio = await hold_a_call(given, report)
    audio["speech"] = await speak(given)
    hand_in(given, report, audio)


if __name__ == "__main__":
    asyncio.run(main())
