"""Warm-up: a freshly loaded model's first words, and how loud its voices are."""

from __future__ import annotations

import time
from collections.abc import Callable

from antiphon_core.errors import AntiphonError, CannotLoad
from antiphon_core.models import Model, SpeechRequest, VoiceInfo
from antiphon_core.worker.loudness import VoiceGain, calibrate

BUDGET_S = 2.0
"""How long a load may take longer for calibrating voices beyond the default one. A voice that is not reached plays
with the gain of the default one: voices of one model are about equally loud."""

_SENTENCES = {
    "de": "Der schnelle braune Fuchs springt über den faulen Hund, und danach ruhen sich beide aus.",
    "en": "The quick brown fox jumps over the lazy dog, and then both of them take a rest.",
    "es": "El veloz zorro marrón salta sobre el perro perezoso, y después los dos descansan.",
    "fr": "Le rapide renard brun saute par-dessus le chien paresseux, puis tous deux se reposent.",
    "it": "La veloce volpe marrone salta sopra il cane pigro, e poi tutti e due riposano.",
    "ja": "素早い茶色の狐が怠け者の犬を飛び越えて、それから二匹とも休みます。",
    "ko": "빠른 갈색 여우가 게으른 개를 뛰어넘고, 그런 다음 둘 다 쉽니다.",
    "pt": "A rápida raposa marrom salta sobre o cão preguiçoso, e depois os dois descansam.",
    "ru": "Быстрая коричневая лиса прыгает через ленивую собаку, а потом обе отдыхают.",
    "zh": "敏捷的棕色狐狸跳过了懒惰的狗,然后它们都休息了。",
}


def sample_sentence(language: str) -> str:
    """A sentence to try a voice with; an English one where we have none in its language."""
    return _SENTENCES.get(language.split("-")[0].lower(), _SENTENCES["en"])


def warm_up(model: Model, clock: Callable[[], float] = time.monotonic) -> dict[str, float]:
    """The gain in dB of every voice that was reached. Speaks a sentence with the default voice at least."""
    default = model.info.voice("")
    gains_db = {default.id: _try(model, default).gain_db}
    deadline_s = clock() + BUDGET_S
    for voice in model.info.voices:
        if voice.id != default.id and clock() < deadline_s:
            gains_db[voice.id] = _try(model, voice).gain_db
    return gains_db


def _try(model: Model, voice: VoiceInfo) -> VoiceGain:
    language = voice.languages[0] if voice.languages else "und"
    request = SpeechRequest(sample_sentence(language), voice.id, language)
    try:
        chunks = list(model.synthesize(request))
    except AntiphonError:
        raise
    except Exception as error:
        raise CannotLoad(
            f"model {model.info.id!r} loads but cannot speak with voice {voice.id!r}: {type(error).__name__}: {error}",
            subject=model.info.id,
        ) from error
    if not any(len(chunk.samples) for chunk in chunks):
        raise CannotLoad(f"model {model.info.id!r} loads but voice {voice.id!r} says nothing", subject=model.info.id)
    return calibrate(chunks)
