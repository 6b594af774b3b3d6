"""What every client needs: orders, a microphone that speaks recordings in real time, and a report. Stdlib only."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

RATE_HZ = 24_000
FRAME_BYTES = RATE_HZ // 50 * 2
INSTRUCTIONS = "You are a patient teacher."
LISTENS_S = 1.2
"""How much of an answer is heard before it is interrupted."""
LINES = {
    "question": "What is the capital of France?",
    "errand": "What is the weather in London?",
    "topic": "Tell me about the sea, please.",
    "interruption": "No wait, which colour is the grass?",
}
TYPED = "How many legs does a spider have?"
TO_SPEAK = "This sentence is spoken while it is being made. It comes in pieces."


@dataclass(frozen=True)
class Orders:
    """Where the server is, and where the lines to speak are."""

    http: str
    realtime: str
    folder: str

    def line(self, name: str) -> bytes:
        """One of LINES as 16-bit samples."""
        return Path(self.folder, f"{name}.pcm").read_bytes()


@dataclass
class Report:
    """What a client says of its call. `heard`: files of what it played, by what was asked; `history`: (role, text)."""

    heard: dict[str, str] = field(default_factory=dict)
    history: list[tuple[str, str]] = field(default_factory=list)
    tool_calls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)


class Microphone:
    """Frames of 20 ms, one every 20 ms: silence, and lines when they are said."""

    def __init__(self) -> None:
        self._waiting = b""
        self._said = asyncio.Event()

    async def say(self, pcm: bytes) -> None:
        """Returns when the last frame of it has left."""
        self._waiting += pcm
        self._said.clear()
        await self._said.wait()

    async def frames(self) -> AsyncIterator[bytes]:
        """For ever."""
        due_s = time.monotonic()
        while True:
            frame, self._waiting = self._waiting[:FRAME_BYTES], self._waiting[FRAME_BYTES:]
            if not self._waiting:
                self._said.set()
            yield frame.ljust(FRAME_BYTES, b"\0")
            due_s += 0.02
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))


def orders() -> Orders:
    """As the command line has them."""
    return Orders(**json.loads(sys.argv[1]))


def hand_in(given: Orders, report: Report, audio: dict[str, bytes]) -> None:
    """Leaves the report, and what was heard, where the test finds them."""
    for name, pcm in audio.items():
        path = Path(given.folder, f"heard-{name}.pcm")
        path.write_bytes(pcm)
        report.heard[name] = str(path)
    Path(given.folder, "report.json").write_text(json.dumps(asdict(report)), encoding="utf-8")
