"""Pipecat: a bot whose language model service is the server, with its own transports, turns and interruptions."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from call import INSTRUCTIONS, LISTENS_S, RATE_HZ, TO_SPEAK, TYPED, Microphone, Orders, Report, hand_in, orders
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    AudioOutput,
    InputAudioTranscription,
    SemanticTurnDetection,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

PARAMS = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
WEATHER = FunctionSchema("weather", "Tells the weather.", {"city": {"type": "string"}}, ["city"])


class Ear(BaseInputTransport):
    """Gives the bot what the microphone hears."""

    def __init__(self, microphone: Microphone) -> None:
        super().__init__(TransportParams(audio_in_enabled=True))
        self._microphone = microphone
        self._hearing: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._hearing = self.create_task(self._hear())

    async def cleanup(self) -> None:
        if self._hearing is not None:
            await self.cancel_task(self._hearing)
        await super().cleanup()

    async def _hear(self) -> None:
        async for frame in self._microphone.frames():
            await self.push_audio_frame(InputAudioRawFrame(frame, RATE_HZ, 1))


class Mouth(BaseOutputTransport):
    """Plays what the bot says, at the pace of a loudspeaker."""

    def __init__(self, call: Call) -> None:
        super().__init__(TransportParams(audio_out_enabled=True))
        self._call = call
        self._free_s = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._free_s = max(self._free_s, time.monotonic()) + len(frame.audio) / (2 * RATE_HZ)
        self._call.played(frame.audio)
        await asyncio.sleep(max(0.0, self._free_s - time.monotonic()))
        return True


class Call(FrameProcessor):
    """Watches the bot from behind its mouth, and asks it things."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.audio: dict[str, bytes] = {}
        self.asked = "typed"
        self._stopped: asyncio.Queue[None] = asyncio.Queue()
        self._heard_enough = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, BotStoppedSpeakingFrame) and direction is FrameDirection.DOWNSTREAM:
            self._stopped.put_nowait(None)
        elif isinstance(frame, InterruptionFrame):
            self.report.notes[f"interrupted in {self.asked}"] = True
        elif isinstance(frame, ErrorFrame):
            self.report.errors.append(frame.error)
        await self.push_frame(frame, direction)

    def played(self, pcm: bytes) -> None:
        self.audio[self.asked] = self.audio.get(self.asked, b"") + pcm
        if len(self.audio[self.asked]) >= LISTENS_S * RATE_HZ * 2:
            self._heard_enough.set()

    async def converse(self, microphone: Microphone, given: Orders) -> None:
        await self._stopped.get()
        for name in ("question", "errand"):
            self.asked = name
            await microphone.say(given.line(name))
            await self._stopped.get()
        self.asked = "topic"
        self._heard_enough.clear()
        await microphone.say(given.line("topic"))
        await self._heard_enough.wait()
        await microphone.say(given.line("interruption"))
        await self._stopped.get()
        self.asked = "interruption"
        await self._stopped.get()


async def hold_a_call(given: Orders, report: Report) -> dict[str, bytes]:
    mind = OpenAIRealtimeLLMService(
        api_key="none",
        base_url=f"{given.realtime}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction=INSTRUCTIONS,
            session_properties=SessionProperties(
                audio=AudioConfiguration(
                    input=AudioInput(
                        transcription=InputAudioTranscription(), turn_detection=SemanticTurnDetection(eagerness="auto")
                    ),
                    output=AudioOutput(voice="marin"),
                ),
            ),
        ),
    )

    async def weather(call: FunctionCallParams) -> None:
        report.tool_calls.append(f"{call.function_name}({call.arguments})")
        await call.result_callback({"sky": "cloudy"})

    mind.register_function("weather", weather)
    context = LLMContext([{"role": "user", "content": TYPED}], ToolsSchema([WEATHER]))
    aggregators = LLMContextAggregatorPair(context)
    microphone, call = Microphone(), Call(report)
    worker = PipelineWorker(
        Pipeline([Ear(microphone), aggregators.user(), mind, Mouth(call), call, aggregators.assistant()]), params=PARAMS
    )
    await worker.queue_frame(LLMRunFrame())

    async def converse() -> None:
        await call.converse(microphone, given)
        await worker.queue_frame(EndFrame())

    await run(worker, converse())
    report.history = [(message["role"], str(message.get("content"))) for message in context.get_messages()]
    return call.audio


class Tape(FrameProcessor):
    """Keeps what a text-to-speech service says."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.pcm = b""
        self.done = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.pcm += frame.audio
        elif isinstance(frame, TTSStoppedFrame):
            self.done.set()
        elif isinstance(frame, ErrorFrame):
            self.report.errors.append(frame.error)
        await self.push_frame(frame, direction)


async def speak(given: Orders, report: Report) -> bytes:
    mouth, tape = OpenAITTSService(api_key="none", base_url=given.http), Tape(report)
    worker = PipelineWorker(Pipeline([mouth, tape]), params=PARAMS)
    await worker.queue_frame(TTSSpeakFrame(TO_SPEAK))

    async def wait() -> None:
        await tape.done.wait()
        await worker.queue_frame(EndFrame())

    await run(worker, wait())
    return tape.pcm


async def run(worker: PipelineWorker, beside: Any) -> None:
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run())
        tasks.create_task(beside)


async def main() -> None:
    given, report = orders(), Report()
    audio = await hold_a_call(given, report)
    audio["speech"] = await speak(given, report)
    hand_in(given, report, audio)


if __name__ == "__main__":
    asyncio.run(main())
