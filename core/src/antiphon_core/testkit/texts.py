"""What the kit has engines say."""

from __future__ import annotations

SENTENCES = {
    "de": "Der alte Leuchtturm steht noch am Hafen, und abends sieht man sein Licht von weitem.",
    "en": "The old lighthouse still stands by the harbour, and in the evening you can see its light from far away.",
    "es": "El viejo faro sigue en pie junto al puerto, y por la noche se ve su luz desde lejos.",
    "fr": "Le vieux phare se dresse encore près du port, et le soir on voit sa lumière de loin.",
    "it": "Il vecchio faro è ancora in piedi vicino al porto, e la sera si vede la sua luce da lontano.",
    "ja": "古い灯台は今も港のそばに立っていて、夜になると遠くからその光が見えます。",
    "nl": "De oude vuurtoren staat nog bij de haven, en in de avond zie je zijn licht van ver.",
    "pt": "O velho farol ainda está de pé junto ao porto, e à noite vê-se a sua luz de longe.",
    "zh": "古老的灯塔仍然矗立在港口旁边，晚上从很远的地方就能看到它的光。",
}
EMPTY = ("", "   ", "\n\t\n")
EMOJI = "Hello 😀 world 👩‍👩‍👧 and 🇩🇪 goodbye ❤️ now."
EMOJI_ALONE = "😀👍🏽"
MIXED_SCRIPTS = "Hello 你好 Привет γειά مرحبا नमस्ते こんにちは 안녕 world."
MARKUP = (
    '<speak>Hello <break time="30s"/> <emphasis level="strong">world</emphasis></speak>',
    'If a < b & c > d, then "x" isn\'t </y>.',
    "**Bold** `code` [a link](http://example.com/a?b=c#d) {braces} \\n $HOME",
)
HUGE_CHARS = 20_000


def sentence_for(language: str) -> str:
    """A sentence of two clauses in the language, in English where the kit does not know it."""
    return SENTENCES.get(language.lower().split("-")[0], SENTENCES["en"])
