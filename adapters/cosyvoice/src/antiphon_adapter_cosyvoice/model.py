"""The model: weights, voices, and utterances on their way through both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from antiphon_core.audio import PcmChunk
from antiphon_core.errors import BadText
from antiphon_core.models import Model, ModelInfo, SpeechRequest

from antiphon_adapter_cosyvoice.dice import Dice
from antiphon_adapter_cosyvoice.networks import Networks, free
from antiphon_adapter_cosyvoice.options import UtteranceOptions
from antiphon_adapter_cosyvoice.pack import RATE_HZ
from antiphon_adapter_cosyvoice.reference import Listener, Reference
from antiphon_adapter_cosyvoice.speech import Floats, speak
from antiphon_adapter_cosyvoice.text import pieces, speakable

_CONTROL = r"<\|[^|<>]*\|>"


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that is in memory."""

    networks: Networks
    listener: Listener
    references: Mapping[str, Reference]
    """By voice."""

    def commands(self, *, tags: bool) -> re.Pattern[str]:
        """What the engine obeys instead of saying it; `tags` leaves in what only colours the speech."""
        special = [] if tags else [re.escape(token) for token in self.networks.tokenizer.tokenizer.all_special_tokens]
        return re.compile("|".join([_CONTROL, *special]))


class CosyVoice(Model):
    """Networks that utterances take turns on. What an utterance changes lies in its own generator."""

    def __init__(self, info: ModelInfo, loaded: Loaded) -> None:
        super().__init__(info)
        self._loaded: Loaded | None = loaded

    def synthesize(self, request: SpeechRequest) -> Iterator[PcmChunk]:
        return self.synthesize_stream(request, [request.text])

    def synthesize_stream(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[PcmChunk]:
        spoken = False
        for samples in self._speak(request, texts):
            spoken = True
            yield PcmChunk.from_float(samples, RATE_HZ)
        if not spoken:
            raise BadText("there is nothing in the text that can be said; send words", subject=request.text[:80])

    def close(self) -> None:
        if self._loaded is not None:
            device, self._loaded = self._loaded.networks.device, None
            free(device)

    def _speak(self, request: SpeechRequest, texts: Iterable[str]) -> Iterator[Floats]:
        if self._loaded is None:
            raise RuntimeError("the model was closed")
        networks, listener = self._loaded.networks, self._loaded.listener
        options = UtteranceOptions.read(request.options)
        commands = self._loaded.commands(tags=options.tags)
        reference = self._loaded.references[self.info.voice(request.voice).id]
        if options.instruct:
            reference = listener.instructed(reference, speakable(options.instruct, "", commands))
        # Two of them: what is sounded between two steps of reading depends on the speed, and what is read must not.
        reading, sounding = (Dice(request.seed, networks.device) for _ in range(2))
        for piece in pieces(texts):
            text = speakable(piece, request.language, commands)
            if text:
                words = listener.text_tokens(text)
                with closing(speak(networks, reference, words, request.speed, reading, sounding)) as chunks:
                    yield from chunks
