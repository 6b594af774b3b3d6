"""What callers say, in a voice of their own."""

from __future__ import annotations

import numpy as np
from antiphon_core.resample import Resampler
from antiphon_orchestrator.cli.caller import RATE_HZ, Track
from antiphon_orchestrator.cli.remote import check, reaching

QUESTIONS = (
    "What is the capital of France?",
    "How far away is the moon?",
    "Can you tell me a short story?",
    "What should I cook for dinner tonight?",
    "Why is the sky blue?",
    "How do I make a good cup of coffee?",
    "What is the largest animal in the world?",
    "Could you explain how rainbows are made?",
    "What is two plus three?",
    "Who wrote Romeo and Juliet?",
)
BACKCHANNELS = ("Mm-hm.", "Yeah.", "Okay.", "Right.", "Uh-huh.")
INTERRUPTIONS = (
    "Wait, stop.",
    "No, that is not what I meant.",
    "Stop, please.",
    "Hold on a second.",
    "Can I ask you something else?",
    "Actually, tell me about the weather.",
    "Excuse me, I have another question.",
    "Sorry, what did you say?",
    "Let us talk about music.",
    "That is enough, thank you.",
)
LONG_QUESTION = "Please tell me all about the sea."


def spoken(url: str, texts: tuple[str, ...], pitch: float = 1.0) -> dict[str, Track]:
    """The texts in the server's voice, higher by `pitch` at the same pace."""
    tracks = {}
    with reaching(url, "") as client:
        for text in texts:
            answer = client.post("/v1/audio/speech", json={"input": text, "response_format": "pcm", "speed": 1 / pitch})
            check(answer)
            samples = np.frombuffer(answer.content, "<i2").astype(np.int16)
            resampler = Resampler(round(RATE_HZ * pitch), RATE_HZ)
            tracks[text] = np.concatenate((resampler.push(samples), resampler.finish()))
    return tracks
