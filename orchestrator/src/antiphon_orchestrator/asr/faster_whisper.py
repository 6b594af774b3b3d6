"""Recognises with Whisper on CTranslate2: many languages, by CPU or GPU. Needs the extra `faster-whisper`."""

from __future__ import annotations

from pathlib import Path

from antiphon_core.errors import CannotLoad

from antiphon_orchestrator.asr.extras import import_extra
from antiphon_orchestrator.asr.refusals import require_language, require_short
from antiphon_orchestrator.enginepool import EnginePool, Stopped
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript


class FasterWhisperAsr:
    """One instance serves all sessions. Slow to build. `folder` holds a model in CTranslate2's format."""

    max_samples = 30 * EARS_RATE_HZ

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        compute_type: str = "default",
        threads: int = 1,
        running: int = 2,
        waiting: int = 64,
    ) -> None:
        engine = import_extra("faster_whisper", "faster-whisper")
        if not (folder / "model.bin").is_file():
            raise CannotLoad(f"{folder} holds no model.bin; pull the model again", subject=str(folder))
        self._model = engine.WhisperModel(
            str(folder),
            device=device,
            compute_type=compute_type,
            cpu_threads=threads,
            num_workers=running,
            local_files_only=True,
        )
        self._languages = frozenset(self._model.supported_languages)
        self._pool = EnginePool("faster-whisper", running=running, waiting=waiting)

    async def transcribe(
        self,
        audio: HeardSamples,
        *,
        language: str = "",
        prompt: str = "",
        urgent: bool = True,
        hums: bool = False,
    ) -> Transcript:
        require_short(audio, self.max_samples)
        known = require_language(language, self._languages, "faster-whisper")
        if not len(audio):
            return Transcript("", known)

        def recognise(stopped: Stopped) -> Transcript:
            return self._recognise(audio, known, prompt, stopped)

        return await self._pool.run(recognise, urgent=urgent)

    def close(self) -> None:
        self._pool.close()

    def _recognise(self, audio: HeardSamples, language: str, prompt: str, stopped: Stopped) -> Transcript:
        segments, found = self._model.transcribe(
            audio,
            language=language or None,
            initial_prompt=prompt or None,
            # One pass: what a second one at a higher temperature would find comes too late for a conversation.
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        texts: list[str] = []
        for segment in segments:
            if stopped():
                break
            texts.append(segment.text.strip())
        return Transcript(" ".join(texts), found.language)
