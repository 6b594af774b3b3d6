"""Reader: what makes sound of a piece of text, with one speaker at one pace."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from piper import PiperVoice

Wave = npt.NDArray[np.float32]

BOS, PAD = "^", "_"
"""What Piper puts before a sentence, and after every phoneme of it."""
_COMMANDS = re.compile(r"\[(?=\[)")
"""Piper takes what stands in doubled brackets for phonemes; no text shall command the engine."""


@dataclass(slots=True)
class Said:
    """Sound, and the sample at which each phoneme of it begins (none where the network does not tell)."""

    wave: Wave = field(default_factory=lambda: np.zeros(0, np.float32))
    sounds: list[tuple[str, int]] = field(default_factory=list)

    def add(self, wave: Wave, sounds: Sequence[tuple[str, int]]) -> None:
        begin = len(self.wave)
        self.sounds += [(" ", begin), *((phoneme, begin + sample) for phoneme, sample in sounds)]
        self.wave = np.concatenate((self.wave, wave))


class Reader:
    """One utterance's way of speaking. Nothing is scaled to full range: a piece that is would be as loud as any other,
    however softly it is said."""

    def __init__(self, voice: PiperVoice, speaker: int, speed: float, scales: Mapping[str, float]) -> None:
        from piper import SynthesisConfig

        self._voice = voice
        self._how = SynthesisConfig(speaker_id=speaker, length_scale=voice.config.length_scale / speed, **scales)

    def say(self, text: str) -> Said:
        """All sentences of a piece."""
        said = Said()
        if not any(_is_sayable(sign) for sign in text):
            return said
        for phonemes in self._voice.phonemize(_COMMANDS.sub("[ ", text)):
            if any(phoneme.isalpha() for phoneme in phonemes):
                ids = self._voice.phonemes_to_ids(phonemes)
                wave, lengths = self._voice.phoneme_ids_to_audio(ids, self._how, include_alignments=True)
                said.add(wave.reshape(-1), [] if lengths is None else self._sounds(phonemes, lengths.reshape(-1)))
        return said

    def phonemes(self, word: str) -> list[str]:
        """A word's phonemes when it stands alone."""
        return [*chain.from_iterable(self._voice.phonemize(_COMMANDS.sub("[ ", word)))]

    def _sounds(self, phonemes: Sequence[str], lengths: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
        """Each phoneme and where it begins; `lengths` has a number of samples for each id that was said."""
        ids = self._voice.config.phoneme_id_map
        begins = np.concatenate(([0], np.cumsum(lengths)))
        sounds, at = [], len(ids[BOS]) + len(ids[PAD])
        for phoneme in phonemes:
            if phoneme in ids:
                sounds.append((phoneme, int(begins[at])))
                at += len(ids[phoneme]) + len(ids[PAD])
        return sounds


def _is_sayable(sign: str) -> bool:
    """Punctuation by itself would be spelled out."""
    return unicodedata.category(sign)[0] not in "PZC"
