from __future__ import annotations

import pytest
from antiphon_orchestrator.turn.backchannel import Heard, classify, ends_in_question, normal_words, word_count
from antiphon_orchestrator.turn.lexicon import LEXICONS, lexicon_for
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Mm-hmm."), ("en", "Mhm"), ("en", "Mm hm."), ("en", "Uh huh"), ("en", "uh-huh"), ("en", "Hmm..."),
        ("en", "Yeah."), ("en", "Okay, okay"), ("en", "OK"), ("en", "Right, right."), ("en", "Oh, I see."),
        ("en", "That’s right!"), ("en", "Yeah, yeah, yeah."), ("en", "no problem"), ("en", "Haha"),
        ("en", "Oh, no way!"),
        ("en-US", "Sure"), ("", "Aha"), ("", "Yeah"), ("", "Sí, claro"), ("xx", "okay"),
        ("es", "Vale, vale."), ("es", "¡Claro que sí!"), ("es", "Ajá"),
        ("de", "Ja, genau."), ("de", "Ach so."), ("de_AT", "Alles klar!"),
        ("fr", "D'accord."), ("fr", "Ouais, je vois"), ("fr", "C’est ça."),
        ("zh", "嗯，对对。"), ("zh", "好的"), ("zh", "原来如此！"),
        ("ja", "はい、わかりました。"), ("ja", "うん、うん"), ("ja", "そうですね。なるほど"),
    ],
)  # fmt: skip
def test_a_listeners_words_are_a_backchannel(language: str, text: str) -> None:
    assert classify(text, language) is Heard.BACKCHANNEL


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Stop."), ("en", "Wait, stop"), ("en", "No!"), ("en", "no no no"), ("en", "Hello?"), ("en", "Hold on"),
        ("en", "Okay, stop it."), ("en", "Yeah, but what about Berlin?"), ("en", "Uh, what?"), ("en", "excuse me"),
        ("es", "¡Espera!"), ("es", "Sí, pero..."), ("de", "Moment mal"), ("de", "Nein."), ("fr", "Attends !"),
        ("fr", "Oui, mais"), ("zh", "等一下"), ("zh", "好的，但是"), ("ja", "ちょっと待って"), ("ja", "はい、でも"),
        ("", "warte mal"), ("", "stop"),
    ],
)  # fmt: skip
def test_a_command_stops_a_speaker_even_alone(language: str, text: str) -> None:
    assert classify(text, language) is Heard.COMMAND


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "And the weather in Berlin?"), ("en", "Berlin"), ("en", "yeah tell me about it"), ("en", "okay, thanks"),
        ("en", "Thank you."), ("de", "ja das Wetter"), ("ja", "はい、天気"), ("zh", "好的谢谢"), ("fr", "oui le temps"),
    ],
)  # fmt: skip
def test_anything_else_is_words(language: str, text: str) -> None:
    assert classify(text, language) is Heard.WORDS


@pytest.mark.parametrize(
    "text", ["", " . ", "[BLANK_AUDIO]", "(coughing)", "*sighs*", "♪ la la ♪", "Thanks for watching!"]
)
def test_what_recognisers_say_of_noise_is_nothing(text: str) -> None:
    assert classify(text, "en", speech_ms=5_000) is Heard.NOTHING


@pytest.mark.parametrize(
    ("text", "speech_ms", "level_db", "heard"),
    [
        ("Thank you.", 200, 0.0, Heard.NOTHING),
        ("Thank you.", 900, 0.0, Heard.WORDS),
        ("Thank you.", 900, -20.0, Heard.NOTHING),
        ("you", 150, 0.0, Heard.NOTHING),
        ("Stop", 150, -20.0, Heard.COMMAND),
        ("Berlin", 150, 0.0, Heard.WORDS),
    ],
)
def test_words_that_noise_brings_about_need_sound_enough(
    text: str, speech_ms: int, level_db: float, heard: Heard
) -> None:
    assert classify(text, "en", speech_ms=speech_ms, level_db=level_db) is heard


def test_our_own_words_coming_back_are_nothing() -> None:
    saying = "Paris is the capital of France, and no other city is."
    assert classify("the capital of", "en", saying=saying) is Heard.NOTHING
    assert classify("no", "en", saying=saying) is Heard.COMMAND
    assert classify("the capital of Spain", "en", saying=saying) is Heard.WORDS


@given(st.text(max_size=40), st.sampled_from(["", "en", "ja", "zh", "nonsense"]))
def test_any_transcript_is_of_some_kind(text: str, language: str) -> None:
    assert classify(text, language) in Heard
    assert word_count(text) <= len(text)


@pytest.mark.parametrize("language", sorted(LEXICONS))
def test_a_languages_phrases_are_written_as_they_are_compared(language: str) -> None:
    lexicon = lexicon_for(language)
    phrases = lexicon.backchannels | lexicon.commands | lexicon.phantoms
    assert all("".join(normal_words(phrase)) == phrase.replace(" ", "") for phrase in phrases)
    assert not lexicon.backchannels & lexicon.commands


def test_words_are_counted_in_every_script() -> None:
    assert word_count("That's two, really three!") == 4
    assert word_count("ちょっと待って") == 4
    assert word_count("...") == 0


@pytest.mark.parametrize(
    "text", ["Shall I?", "Oui ?", '"Really?"', "**Ready?** ", "好吗？", "いいですか。", "行吗", "هل؟"]
)
def test_a_question_is_seen(text: str) -> None:
    assert ends_in_question(text)


@pytest.mark.parametrize("text", ["", "Fine.", "Why? Because.", "好。"])
def test_a_statement_is_no_question(text: str) -> None:
    assert not ends_in_question(text)


@pytest.mark.parametrize("text", ["Mama.", "Mamma,,", "Homer.", "If heard,,"])
def test_a_hum_that_a_recogniser_took_for_a_word_is_a_backchannel(text: str) -> None:
    assert classify(text, "en", speech_ms=380) is Heard.BACKCHANNEL
