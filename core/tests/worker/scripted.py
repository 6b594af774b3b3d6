"""A scripted engine: an adapter whose every chunk, delay and fault the test decides, through options.

Options, of the settings or of one request: `chunk_ms`, `chunk_delay_s`, `load_delay_s`, `raise_at` and `hang_at` (each
one of load, first, middle). Models: `plain` is fed sentence by sentence, `stream` takes arriving text, `solo` speaks
one utterance at a time, `big` is a gigabyte, and every file NAME.scripted in a folder of models is one, too, whose
content is its revision and its pitch in Hz.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from antiphon_core.audio import PcmChunk, TextMark
from antiphon_core.errors import BadText
from antiphon_core.hookspecs import hookimpl
from antiphon_core.models import AdapterSettings, Capability, Model, ModelInfo, SpeechRequest, VoiceInfo

RATE_HZ = 24_000
WORD_MS = 100
PITCH_HZ = 500
LEVEL = 4_000

let_go = threading.Event()
"""Set it to free whatever hangs."""
log: list[tuple[str, str]] = []
"""What was done to the engine, in order: (event, detail)."""


def _info(model_id: str, max_concurrency: int = 4, **more: object) -> ModelInfo:
    return ModelInfo(
        id=model_id,
        voices=(VoiceInfo("one", ("en-US", "en")), VoiceInfo("two", ("de-DE",))),
        native_rate_hz=RATE_HZ,
        licence="Apache-2.0",
        max_concurrency=max_concurrency,
        **{"size_bytes": 1_000, **more},  # type: ignore[arg-type]
    )


STREAMING = frozenset({Capability.STREAMING_TEXT, Capability.WORD_TIMINGS, Capability.SPEED})
BUILT_IN = (
    _info("plain"),
    _info("stream", capabilities=STREAMING),
    _info("solo", max_concurrency=1),
    _info("big", size_bytes=1_000_000_000),
    _info("remote", files="weights"),
)


@hookimpl
def tts_list_models(settings: AdapterSettings) -> list[ModelInfo]:
    return [*BUILT_IN, *(_from_file(path) for path in _files(settings))]


@hookimpl
def tts_load_model(model_id: str, device: str, settings: AdapterSettings) -> Model:
    log.append(("load", model_id))
    time.sleep(float(settings.options.get("load_delay_s", 0)))
    _strike("load", settings.options)
    info = next(info for info in tts_list_models(settings) if info.id == model_id)
    return ScriptedModel(info, settings.options, int(info.revision or PITCH_HZ))


class ScriptedModel(Model):
    """Says every word as 100 ms of a sine."""

    def __init__(self, info: ModelInfo, options: Mapping[str, str] | None = None, pitch_hz: int = PITCH_HZ) -> None:
        super().__init__(info)
        self._options = options or {}
        self._pitch_hz = pitch_hz
        self.closed = False

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        log.append(("speak", request.text))
        return self._speak(request, [request.text])

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        return self._speak(request, texts)

    def close(self) -> None:
        log.append(("unload", self.info.id))
        self.closed = True

    def _speak(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        options = {**self._options, **request.options}
        said = 0
        try:
            for offset, word in _words(texts):
                _strike("first" if said == 0 else "middle", options)
                time.sleep(float(options.get("chunk_delay_s", 0)))
                log.append(("chunk", word))
                yield self._beep(offset, word, said, int(options.get("chunk_ms", WORD_MS)))
                said += 1
        finally:
            log.append(("close", threading.current_thread().name))
        if not said:
            raise BadText("there is no word in it", subject=request.text)

    def _beep(self, offset: int, word: str, said: int, chunk_ms: int) -> PcmChunk:
        count = RATE_HZ * chunk_ms // 1000
        wave = LEVEL * np.sin(2 * np.pi * self._pitch_hz * np.arange(count) / RATE_HZ)
        marks = (TextMark(offset, len(word), said * count),)
        timed = Capability.WORD_TIMINGS in self.info.capabilities
        return PcmChunk(wave.astype(np.int16), RATE_HZ, marks if timed else ())


def words(text: str) -> list[str]:
    return [word for _, word in _words([text])]


def _words(texts: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Words with a letter or digit in them, each as soon as what follows shows that it has ended."""
    pending, offset = "", 0
    for text in texts:
        pending += text
        *whole, pending = pending.replace("\n", " ").split(" ")
        for word in whole:
            if any(character.isalnum() for character in word):
                yield offset, word
            offset += len(word) + 1
    if any(character.isalnum() for character in pending):
        yield offset, pending


def _strike(place: str, options: Mapping[str, str]) -> None:
    if options.get("raise_at") == place:
        raise RuntimeError(f"broken at {place}")
    if options.get("hang_at") == place:
        log.append(("hang", place))
        let_go.wait(60)


def _files(settings: AdapterSettings) -> list[Path]:
    return [path for folder in settings.model_dirs for path in sorted(folder.glob("*.scripted"))]


def _from_file(path: Path) -> ModelInfo:
    return _info(path.stem, revision=path.read_text())
