"""Has a recording of any length recognised."""

from __future__ import annotations

from antiphon_orchestrator.asr.turnaudio import Cutting, TurnAudio
from antiphon_orchestrator.ports import Asr, HeardSamples, Transcript


async def transcribe_recording(asr: Asr, audio: HeardSamples, *, language: str = "", prompt: str = "") -> Transcript:
    """Cuts the recording at quiet places where it is too long for the recogniser, and joins the words."""
    turn = TurnAudio(0, Cutting(asr.max_samples))
    found = language
    step = asr.max_samples
    for start in range(0, max(len(audio), 1), step):
        turn.hear(audio[start : start + step], speech=True)
        if start + step >= len(audio):
            turn.close()
        for piece in [piece for piece in turn.lacking(turn.goal()) if piece.end is not None]:
            sound, to = turn.to_recognise(piece)
            heard = await asr.transcribe(sound, language=language, prompt=prompt)
            turn.learn(piece, to, heard.text)
            found = heard.language or found
    return Transcript(turn.text, found)
