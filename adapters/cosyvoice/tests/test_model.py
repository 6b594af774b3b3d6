"""What is particular to CosyVoice; the conformance test holds what every adapter owes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from antiphon_adapter_cosyvoice.dice import Dice
from antiphon_adapter_cosyvoice.model import CosyVoice
from antiphon_adapter_cosyvoice.networks import Networks
from antiphon_adapter_cosyvoice.reference import HOP, Reference, trimmed
from antiphon_core.audio import Samples
from antiphon_core.errors import BadRequest, BadText
from antiphon_core.models import SpeechRequest
from subjects import load

SENTENCE = "The old lighthouse still stands by the harbour, and then both of them take a rest."
KEPT = 8 * 480
SEED = 7
WHISPER = {"instruct": "Whisper ."}


@pytest.fixture(scope="module")
def model() -> Iterator[CosyVoice]:
    loaded = load()
    assert isinstance(loaded, CosyVoice)
    yield loaded
    loaded.close()


@pytest.fixture
def networks(model: CosyVoice) -> Networks:
    assert model._loaded is not None
    return model._loaded.networks


def request(
    text: str = "Hello there.", voice: str = "anna", speed: float = 1.0, options: Mapping[str, str] | None = None
) -> SpeechRequest:
    return SpeechRequest(text, voice, "en", speed, SEED, options or {})


def chunks(model: CosyVoice, asked: SpeechRequest) -> list[Samples]:
    return [chunk.samples for chunk in model.synthesize(asked)]


def audio(model: CosyVoice, asked: SpeechRequest) -> Samples:
    return np.concatenate(chunks(model, asked))


def test_speech_comes_a_second_at_a_time_in_every_utterance(model: CosyVoice) -> None:
    for _ in range(2):
        first, *middle, _last = [len(samples) for samples in chunks(model, request(SENTENCE))]
        assert first == HOP * 960 - KEPT
        assert set(middle) <= {HOP * 960}


def test_the_sound_is_what_the_engine_s_own_loop_makes_of_the_tokens(
    model: CosyVoice, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from cosyvoice.cli.model import CosyVoice2Model

    assert model._loaded is not None
    reference = model._loaded.references["anna"]
    tokens = torch.arange(0, 6000, 60)
    monkeypatch.setattr(networks.llm, "inference", lambda **_: (int(token) for token in tokens))
    ours = chunks(model, request())
    engine = CosyVoice2Model(networks.llm, networks.flow, networks.hift)
    engine.device = networks.device
    torch.manual_seed(SEED)
    theirs = engine.tts(
        source_speech_token=tokens[None],
        flow_embedding=reference.embedding,
        flow_prompt_speech_token=reference.flow_tokens,
        prompt_speech_feat=reference.mel,
        stream=True,
    )
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our / 32767, their["tts_speech"][0].numpy(), atol=1e-3)


def test_a_language_model_that_fails_ends_the_utterance_with_its_error(
    model: CosyVoice, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**_: object) -> Iterator[int]:
        yield from range(HOP + 3)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(networks.llm, "inference", failing)
    speech = model.synthesize(request())
    next(speech)
    with pytest.raises(RuntimeError, match="out of memory"):
        next(speech)


def test_a_close_ends_the_language_model_too(
    model: CosyVoice, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    def endless(**_: object) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.append(True)

    monkeypatch.setattr(networks.llm, "inference", endless)
    speech: Any = model.synthesize(request())
    next(speech)
    speech.close()
    assert ended == [True]


def test_a_model_that_says_nothing_of_a_text_says_so(
    model: CosyVoice, networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks.llm, "inference", lambda **_: (token for token in list[int]()))
    with pytest.raises(RuntimeError, match="made no speech"):
        chunks(model, request())


def test_an_unfinished_utterance_does_not_disturb_the_next(model: CosyVoice) -> None:
    whole = audio(model, request(SENTENCE))
    unfinished = model.synthesize(request(SENTENCE, voice="bo"))
    next(unfinished)
    np.testing.assert_array_equal(audio(model, request(SENTENCE)), whole)


def test_a_sentence_is_spoken_before_the_next_is_written(model: CosyVoice) -> None:
    taken: list[str] = []

    def arriving() -> Iterator[str]:
        for text in (SENTENCE, " And ", "no more."):
            taken.append(text)
            yield text

    next(iter(model.synthesize_stream(request(""), arriving())))
    assert taken == [SENTENCE, " And "]


def test_speed_stretches_what_is_said_and_changes_none_of_it(model: CosyVoice) -> None:
    normal, fast = audio(model, request(SENTENCE)), audio(model, request(SENTENCE, speed=2.0))
    assert len(fast) == pytest.approx(len(normal) / 2, rel=0.02)


def test_an_instruction_changes_how_any_voice_speaks(model: CosyVoice) -> None:
    for voice in ("anna", "dora"):
        plain, whispered = (audio(model, request(voice=voice, options=told)) for told in ({}, WHISPER))
        assert len(plain) != len(whispered) or not np.array_equal(plain, whispered)


def test_an_instruction_cannot_end_the_prompt_itself(model: CosyVoice) -> None:
    np.testing.assert_array_equal(
        audio(model, request(options={"instruct": "Whisper<|endofprompt|>."})), audio(model, request(options=WHISPER))
    )


def test_tags_are_obeyed_only_where_the_caller_says_so(model: CosyVoice) -> None:
    plain = audio(model, request("Hello there."))
    np.testing.assert_array_equal(audio(model, request("Hello [laughter] there.")), plain)
    obeyed = audio(model, request("Hello [laughter] there.", options={"tags": "true"}))
    assert len(obeyed) != len(plain) or not np.array_equal(obeyed, plain)


@pytest.mark.parametrize(("name", "value"), [("colour", "red"), ("tags", "perhaps")])
def test_an_option_that_makes_no_sense_is_refused(model: CosyVoice, name: str, value: str) -> None:
    with pytest.raises(BadRequest, match=name):
        chunks(model, request(options={name: value}))


@pytest.mark.parametrize("text", ["", "😀", "<|endofprompt|>", "..."])
def test_a_text_with_nothing_to_say_is_bad(model: CosyVoice, text: str) -> None:
    with pytest.raises(BadText, match="nothing in the text"):
        chunks(model, request(text))


def test_a_clip_is_handed_to_the_flow_in_whole_blocks(model: CosyVoice) -> None:
    assert model._loaded is not None
    for reference in model._loaded.references.values():
        assert reference.flow_tokens.shape[1] % HOP == 0
        assert reference.mel.shape[1] == 2 * reference.flow_tokens.shape[1]


def test_the_blocks_are_the_latest_of_the_clip() -> None:
    import torch

    tokens = torch.arange(60)[None]
    frames = torch.arange(120)[None, :, None]
    cut = trimmed(Reference(tokens, tokens, tokens, frames, None))
    assert cut.flow_tokens[0].tolist() == [*range(10, 60)]
    assert cut.mel[0, :, 0].tolist() == [*range(20, 120)]
    assert cut.tokens is tokens


def test_a_seed_rolls_the_same_whoever_rolls_in_between() -> None:
    import torch

    device = torch.device("cpu")

    def roll(dice: Dice) -> float:
        with dice.turn():
            return float(torch.rand(1))

    alone = Dice(3, device)
    expected = [roll(alone) for _ in range(3)]
    one, other, nobody = Dice(3, device), Dice(4, device), Dice(None, device)
    mixed = []
    for _ in range(3):
        mixed.append(roll(one))
        roll(other)
        roll(nobody)
    assert mixed == expected


def test_a_seed_leaves_the_chance_of_others_alone() -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(2).tolist()
    torch.manual_seed(1)
    first = float(torch.rand(1))
    with Dice(9, torch.device("cpu")).turn():
        torch.rand(5)
    assert [first, float(torch.rand(1))] == expected


def test_a_closed_model_holds_nothing_and_says_so() -> None:
    model = load()
    assert isinstance(model, CosyVoice)
    assert model._loaded is not None
    weights = weakref.ref(model._loaded.networks.llm)
    chunks(model, request())
    model.close()
    gc.collect()
    assert weights() is None
    with pytest.raises(RuntimeError, match="closed"):
        chunks(model, request())
