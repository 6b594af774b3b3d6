"""Recognises with OpenAI's own Whisper on torch. Needs the extra `whisper`; nothing else here imports torch."""

from __future__ import annotations

from pathlib import Path

from antiphon_core.errors import CannotLoad

from antiphon_orchestrator.asr.extras import import_extra
from antiphon_orchestrator.asr.refusals import require_language, require_short
from antiphon_orchestrator.enginepool import EnginePool, Stopped
from antiphon_orchestrator.ports import EARS_RATE_HZ, HeardSamples, Transcript


class WhisperAsr:
    """One instance serves all sessions. Slow to build. `folder` holds one checkpoint, such as `base.en.pt`."""

    max_samples = 30 * EARS_RATE_HZ

    def __init__(self, folder: Path, *, device: str = "cpu", waiting: int = 64) -> None:
        engine = import_extra("whisper", "whisper")
        checkpoints = sorted(folder.glob("*.pt"))
        if len(checkpoints) != 1:
            raise CannotLoad(
                f"{folder} holds {len(checkpoints)} checkpoints (*.pt); it must hold exactly one", subject=str(folder)
            )
        self._model = engine.load_model(str(checkpoints[0]), device=device)
        self._languages = frozenset(engine.tokenizer.LANGUAGES if self._model.is_multilingual else {"en"})
        self._half = device != "cpu"
        # The model keeps what it decodes in itself: one utterance at a time.
        self._pool = EnginePool("whisper", running=1, waiting=waiting)

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
        known = require_language(language, self._languages, "whisper")
        if not len(audio):
            return Transcript("", known)

        def recognise(stopped: Stopped) -> Transcript:
            found = self._model.transcribe(
                audio,
                language=known or None,
                initial_prompt=prompt or None,
                temperature=0.0,
                condition_on_previous_text=False,
                without_timestamps=True,
                fp16=self._half,
            )
            return Transcript(found["text"].strip(), found["language"])

        return await self._pool.run(recognise, urgent=urgent)

    def close(self) -> None:
        self._pool.close()
