from __future__ import annotations

from itertools import pairwise

import pytest
from antiphon_orchestrator.turn.segmenter import Segment, Segmenter, SegmenterSettings
from hypothesis import given
from hypothesis import strategies as st

WORDS_AND_MARKS = st.lists(
    st.sampled_from(
        [
            "Hello", "so", "I", "Mr", "e.g", "3", "14", "2020", "Mai", "U.S", "etc", "no", "world", "example.com",
            ".", ".", "!", "?", "...", "…", ",", ":", ";", " - ", "—",
            "(", ")", '"', "'", "»", "«", "*", "`", "``", "```",
            "~~~", " ", " ", " ", "\n", "\n\n", "\n```\n", "- ", "你好", "今天", "。", "，", "！", "「", "」", "と",
            "😀", "👩‍💻", "https://x.y/z?a=b.c", "M.", "é", "|", "#", "1. ",
        ]
    ),
    max_size=60,
).map("".join)  # fmt: skip
LANGUAGES = st.sampled_from(["", "en", "de", "fr", "ja"])


def spoken_whole(text: str, language: str = "", settings: SegmenterSettings | None = None) -> list[Segment]:
    segmenter = Segmenter(language, settings)
    return segmenter.push(text) + segmenter.finish()


def spoken_by_letter(text: str, language: str = "", settings: SegmenterSettings | None = None) -> list[Segment]:
    segmenter = Segmenter(language, settings)
    return [segment for letter in text for segment in segmenter.push(letter)] + segmenter.finish()


def pieces(text: str, language: str = "") -> list[str]:
    whole = spoken_whole(text, language)
    assert whole == spoken_by_letter(text, language)
    return [segment.text for segment in whole]


# ------------------------------------------------------------------ properties


@given(WORDS_AND_MARKS, LANGUAGES, st.data())
def test_segments_are_the_text_however_it_arrives_and_whenever_it_stalls(
    text: str, language: str, data: st.DataObject
) -> None:
    segmenter = Segmenter(language, SegmenterSettings(first_max_length=20, max_length=30))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    segments: list[Segment] = []
    for start, end in pairwise([0, *cuts, len(text)]):
        segments += segmenter.push(text[start:end])
        if data.draw(st.booleans()):
            segments += segmenter.flush()
    segments += segmenter.finish()
    assert "".join(segment.text for segment in segments) == text
    assert all(text[one.offset :].startswith(one.text) and one.text for one in segments)
    assert segmenter.finish() == []


@given(WORDS_AND_MARKS, LANGUAGES, st.integers(8, 60))
def test_segments_do_not_depend_on_how_the_text_arrives(text: str, language: str, max_length: int) -> None:
    settings = SegmenterSettings(first_max_length=max_length, max_length=max_length)
    assert spoken_whole(text, language, settings) == spoken_by_letter(text, language, settings)


@given(st.text(max_size=300), st.integers(8, 60))
def test_any_text_at_all_comes_out_whole(text: str, max_length: int) -> None:
    settings = SegmenterSettings(first_max_length=max_length, max_length=max_length)
    segments = spoken_whole(text, "", settings)
    assert "".join(segment.text for segment in segments) == text
    assert segments == spoken_by_letter(text, "", settings)


@given(WORDS_AND_MARKS)
def test_a_segment_is_never_much_longer_than_allowed(text: str) -> None:
    settings = SegmenterSettings(first_max_length=20, max_length=20)
    assert all(len(one.text) <= 4 * 20 + 24 for one in spoken_whole(text, "", settings))


# ---------------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("language", "segments"),
    [
        ("en", ["Sure! ", "I can help. ", "Pi is 3.14, e.g. for circles. ", "Mr. Smith of example.com agrees."]),
        ("en", ["No. ", "I won't. ", "See No. 5. ", "It was $1,000.50. ", "In 2020. ", "Then."]),
        ("en", ["It ends at 5 p.m. ", "Then we go at 10:30 a.m. with J. K. Rowling, etc. and all. ", "So do I. "]),
        ("en", ["In the U.S. army there are 3. ", "More came on 12. 3. 2024 or so."]),
        ("en", ["Wait... what? ", "No... ", "I mean it. ", "Well… maybe… ", "Or not!? ", "Fine."]),
        ("en", ['He said "Stop!" and left. ', '"Really?" ', "She did (see p. 3). ", "**Note.** ", "Yes"]),
        ("en", ["Visit https://www.example.com/a?b=c. ", "Mail me@example.org! ", "Look at www.a.com/x!y. "]),
        ("en", ["Ok. ", "Come at 10:30, on 3.5.2024 or 2024-05-03. ", "Bring $3.50, 3,50 € or £1,000! ", "Fine?"]),
        ("en", ["sure. ", "i can do that. ", "it is approx. five."]),
        ("en", ["Great 😀 ", "What else 🎉 can I do 😀"]),
        ("de", ["Das war am 3. Mai 2020. ", "Danach kam z. B. Dr. Müller. ", "Er sagte: „Gut.“ ", "Der 2. Weltkrieg."]),
        ("", ["Das war am 3. Mai 2020. ", "Das ist d.h. gut."]),
        ("", ["They had 3. ", "Maybe 4. ", "Yes"]),
        ("", ["They had 3. very few."]),
        ("en", ["They had 3. ", "(Four!) ", "Ok"]),
        ("fr", ["Bonjour ! ", "Ça va ? ", "M. Dupont dit « Bonjour ! » et part. ", "« Au revoir ! » ", "Puis il rit."]),
        ("fr", ["Ah ! ", "Il dit « Non. », puis rien. ", "« Si ! », dit-il. ", "Voilà « c'est fini ! » "]),
        ("es", ["¡Hola! ", "¿Qué tal? ", "El Sr. Pérez vive en EE. UU. desde hoy, p. ej. aquí."]),
        ("zh", ["你好！", "我是你的助手。", "今天天气很好，我们去公园吧。", "「行吗？」", "他问。"]),
        ("ja", ["はい、わかりました。", "今日は天気がいいですね。", "「行こう。」と彼は言った。"]),
        ("zh", ["这是 GPT-4.5 的价格 3.5 元。", "OK!", "好的。"]),
        ("en", ["# Title\n\n", "1. First item\n", "2. Second item. ", "More\n", "- milk\n", "- eggs\n\n", "Done"]),
        ("en", ["A line that was\nwrapped goes on. ", "Stop.\n", "Next line\n", "Last"]),
        ("en", ["Use `a. B` and ``c`. D`` now. ", "An open `tick. Is\n", "Closed by the line. ", "Bye!"]),
    ],
)  # fmt: skip
def test_sentences_of_many_kinds_are_cut_where_they_end(language: str, segments: list[str]) -> None:
    assert pieces("".join(segments), language) == segments


def test_a_first_clause_comes_early_and_later_ones_do_not() -> None:
    text = "Well, that depends, I would say, on you. One two three, four five, six."
    assert pieces(text) == ["Well, that depends, ", "I would say, on you. ", "One two three, four five, six."]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One two three - four five", "One two three - "),
        ("One two three—four five", "One two three—"),
        ("One two three: four five", "One two three: "),
        ("In the year 1,000 came, then", "In the year 1,000 came, "),
        ("One two well-known things, really", "One two well-known things, "),
        ("我们今天去公园，然后回家", "我们今天去公园，"),
        ("好的，我们今天去公园，然后", "好的，我们今天去公园，"),
    ],
)
def test_a_first_clause_ends_at_its_mark(text: str, first: str) -> None:
    assert pieces(text)[0] == first


def test_a_sentence_is_given_out_with_the_first_character_after_it() -> None:
    segmenter = Segmenter()
    assert segmenter.push("Hello there.") == []
    assert segmenter.push(" How") == [Segment("Hello there. ", 0)]
    assert segmenter.push(" are you? ") == [Segment("How are you? ", 13)]
    assert segmenter.push("Fine!\n") == [Segment("Fine!\n", 26)]


def test_a_number_or_a_domain_is_not_cut_while_its_rest_may_come() -> None:
    segmenter = Segmenter()
    assert segmenter.push("It is 3.") + segmenter.push("14 at example.") + segmenter.push("com today") == []
    assert segmenter.finish() == [Segment("It is 3.14 at example.com today", 0)]


def test_a_code_block_is_a_segment_of_its_own() -> None:
    text = "Look:\n```python\nx = 1. + 2\n# Not. A! sentence?\n```\nThat is it. Done."
    assert spoken_by_letter(text) == spoken_whole(text)
    assert spoken_whole(text) == [
        Segment("Look:\n", 0),
        Segment("```python\nx = 1. + 2\n# Not. A! sentence?\n```\n", 6, code=True),
        Segment("That is it. ", 51),
        Segment("Done.", 63),
    ]


def test_a_long_code_block_is_cut_at_lines_and_stays_code() -> None:
    text = "~~~\n" + "aaaaaaaaaa\n" * 6 + "~~~\nEnd."
    settings = SegmenterSettings(first_max_length=30, max_length=30)
    segments = spoken_by_letter(text, "", settings)
    assert [one.code for one in segments] == [True, True, True, False]
    assert all(one.text.endswith("\n") for one in segments[:-1])
    assert segments == spoken_whole(text, "", settings)


def test_what_is_too_long_is_cut_at_a_clause_a_connective_or_a_space() -> None:
    settings = SegmenterSettings(first_max_length=40, max_length=40)

    def cut(text: str) -> list[str]:
        return [one.text for one in spoken_whole("x. " + text, "", settings)]

    assert cut("one two three four five; six seven eight nine ten")[0].endswith("five; ")
    assert cut("one two three four five six and seven eight nine ten")[0].endswith("six ")
    assert cut("one two three four five six seven eight nine ten")[0].endswith("seven ")
    assert cut("a" * 50 + " b")[0] == "x. " + "a" * 50 + " "
    assert cut("a" * 200)[0] == "x. " + "a" * 37


def test_wide_text_without_marks_is_cut_between_words() -> None:
    settings = SegmenterSettings(first_max_length=28, max_length=28)
    assert [one.text for one in spoken_whole("今天天气很好我看见GPT五号", "", settings)] == [
        "今天天气很好我看见",
        "GPT五号",
    ]


def test_a_stalled_stream_gives_out_whole_words_and_keeps_half_ones() -> None:
    segmenter = Segmenter()
    assert segmenter.push("The result of it is 3.") + segmenter.flush() == [Segment("The result of it is ", 0)]
    assert segmenter.push("14 and so on") + segmenter.finish() == [Segment("3.14 and so on", 20)]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Of course.", ["Of course."]),
        ("Really?!", ["Really?!"]),
        ('She said "yes."', ['She said "yes."']),
        ("Look at that ", ["Look at that "]),
        ("Look at", []),
        ("Go to https://example.", []),
        ("Please go to https://example.", ["Please go to "]),
        ("今天天气很", ["今天天气很"]),
        ("好的。", ["好的。"]),
        ("It is `a b c d", []),
        ("```py\nx = 1\ny = 2\n", []),
    ],
)
def test_a_stall_is_used_for_what_can_be_said_already(text: str, spoken: list[str]) -> None:
    segmenter = Segmenter()
    assert segmenter.push(text) == []
    assert [one.text for one in segmenter.flush()] == spoken


# ------------------------------------------------------------------ first phrases

HASTY = SegmenterSettings(phrase_words=4)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("The sky is blue because of the light that falls on it.", "The sky is blue "),
        ("The story is about a girl named Luna who finds a box.", "The story is about a girl named Luna "),
        ("Romeo and Juliet was written by William Shakespeare.", "Romeo and Juliet was written "),
        ("It was 3.5 degrees colder with the wind.", "It was 3.5 degrees colder "),
        ("The largest animal in the world is the blue whale.", "The largest animal in the world "),
        ("Yes, the sky is blue because of the light.", "Yes, the sky is blue "),
    ],
)
def test_a_first_phrase_of_four_words_is_spoken_while_the_rest_is_written(text: str, first: str) -> None:
    (phrase, *rest) = spoken_by_letter(text, settings=HASTY)
    assert (phrase.text, phrase.goes_on) == (first, True)
    assert spoken_whole(text, settings=HASTY) == [phrase, *rest]
    assert not any(segment.goes_on for segment in rest)


@pytest.mark.parametrize(
    "text",
    [
        "Look at it and go.",
        "The capital of France is Paris.",
        "Use the command `ls -l a` in the shell.",
        "See [the page about it](x.y) for that.",
        "Paris is the capital and",
    ],
)
def test_short_phrases_and_those_with_markup_are_not_cut(text: str) -> None:
    assert spoken_whole(text, settings=HASTY) == [Segment(text, 0)]


def test_only_the_first_phrase_is_cut_short() -> None:
    text = "Well then. The sky is blue because of the light."
    assert [segment.text for segment in spoken_whole(text, settings=HASTY)] == [
        "Well then. ",
        "The sky is blue because of the light.",
    ]


def test_without_haste_no_phrase_is_cut_off() -> None:
    assert pieces("The sky is blue because of the light.") == ["The sky is blue because of the light."]
