"""How well a voice is understood: twenty sentences, recognised again."""

from __future__ import annotations

import re

import grpc
import numpy as np
from antiphon_core.audio import Frame
from antiphon_core.store import Store, catalogue_of
from antiphon_orchestrator.asr.moonshine import MoonshineAsr
from antiphon_orchestrator.ports import EARS_RATE_HZ
from worker import opened

SENTENCES = (
    "The harbour is quiet this morning, and the boats are still asleep.",
    "A gull walks along the wall and looks into every basket for something to eat.",
    "Two fishermen drink their coffee without a word.",
    "Then the bell of the small church rings, and the first engine starts.",
    "Would you like me to book a table for this evening?",
    "The train to the coast leaves in a quarter of an hour.",
    "I could not find the letter that you asked me about.",
    "Please turn left after the bridge and follow the river.",
    "Her grandmother kept bees behind the old stone house.",
    "It will rain in the afternoon, but the weekend looks dry.",
    "Nobody had told him that the museum was closed on Mondays.",
    "The kettle began to whistle while she was on the phone.",
    "Could you say that again, a little more slowly?",
    "They planted apple trees along the road to the village.",
    "The doctor will see you as soon as she is free.",
    "We walked home under the stars and talked about the summer.",
    "My brother has worked for the same newspaper since he left school.",
    "Take the blue folder from the second shelf and bring it here.",
    "The children were too excited to sleep the night before the journey.",
    "Thank you for waiting, your order is ready at the counter.",
)


class Ears:
    """The recogniser that the server listens with."""

    def __init__(self) -> None:
        entry = catalogue_of("antiphon_orchestrator").entry("moonshine-tiny-en")
        self._asr = MoonshineAsr(Store().get(entry))

    async def errors(self, channel: grpc.aio.Channel, text: str) -> tuple[int, int]:
        """Words that were heard otherwise than they were meant, and all words."""
        call = await opened(channel, text, rate_hz=EARS_RATE_HZ)
        pcm = b""
        while (event := await call.receive()) is not None:
            if isinstance(event, Frame):
                pcm += event.pcm
        samples = np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)
        heard = await self._asr.transcribe(samples)
        meant = plain(text)
        return distance(meant, plain(heard.text)), len(meant)


def plain(text: str) -> list[str]:
    """Words alone, British spelling as American: the recogniser writes that."""
    return re.sub(r"[^a-z' ]", " ", text.lower().replace("harbour", "harbor")).split()


def distance(meant: list[str], heard: list[str]) -> int:
    """How many words must be put in, left out or changed."""
    before = list(range(len(heard) + 1))
    for row, word in enumerate(meant, 1):
        now = [row]
        for column, other in enumerate(heard, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]
