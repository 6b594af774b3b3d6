"""Moonshine's two networks, and the loop that has the second write down what the first heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon_orchestrator.onnx import cpu_session
from antiphon_orchestrator.ports import HeardSamples

START, END = 1, 2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Impression:
    """What the first network makes of audio."""

    states: Floats
    mask: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a word, or the END, and how likely it was (as a natural logarithm)."""

    number: int
    log_likelihood: float


class MoonshineNetworks:
    """Loaded and ready for several threads at once. Slow to build."""

    def __init__(self, folder: Path) -> None:
        # No arena: one long recording would keep a hundred megabytes for good, and saves no time.
        self._encoder = cpu_session(folder / "encoder_model.ort", arena=False)
        self._decoder = cpu_session(folder / "decoder_model_merged.ort", arena=False)
        memories = [given for given in self._decoder.get_inputs() if given.name.startswith("past_key_values.")]
        self._memories = [memory.name for memory in memories]
        _, heads, _, width = memories[0].shape
        self._nothing = np.zeros((0, heads, 1, width), np.float32)

    def hear(self, audio: HeardSamples) -> Impression:
        mask = np.ones((1, len(audio)), np.int64)
        (states,) = self._encoder.run(None, {"input_values": audio[None], "attention_mask": mask})
        return Impression(states, mask)

    def tokens(self, heard: Impression, draft: Sequence[int], stopped: Callable[[], bool]) -> Iterator[Token]:
        """What was said, always the likeliest token, up to the END. Breaks off once `stopped`.

        As far as `draft` says the same, it costs one step instead of one for each token.
        """
        given = self._given(heard) | {"input_ids": np.array([[START, *draft]]), "use_cache_branch": np.array([False])}
        scores, *memories = self._decoder.run(None, given)
        written = list(_written(scores[0], draft))
        yield from written
        # What the decoder remembers of the audio stays; what it remembers of tokens grows, without those that failed.
        for name, memory in zip(self._memories, memories, strict=True):
            given[name] = memory[:, :, : len(written)] if ".decoder." in name else memory
        token, given["use_cache_branch"] = written[-1], np.array([True])
        while token.number != END and not stopped():
            given["input_ids"] = np.array([[token.number]])
            scores, *memories = self._decoder.run(None, given)
            (token,) = _written(scores[0], ())
            yield token
            fresh = zip(self._memories, memories, strict=True)
            given |= {name: memory for name, memory in fresh if ".decoder." in name}

    def log_likelihood(self, heard: Impression, texts: Sequence[Sequence[int]]) -> list[float]:
        """How likely each of some texts would have been written, all in one go."""
        longest = max(map(len, texts)) + 1
        written = np.full((len(texts), longest), END, np.int64)
        for row, text in zip(written, texts, strict=True):
            row[: len(text) + 1] = [START, *text]
        several = Impression(np.repeat(heard.states, len(texts), 0), np.repeat(heard.mask, len(texts), 0))
        given = self._given(several) | {"input_ids": written, "use_cache_branch": np.array([False])}
        scores, *_ = self._decoder.run(None, given)
        likely = _log_likelihoods(scores)
        return [float(likely[row, range(len(text) + 1), [*text, END]].sum()) for row, text in enumerate(texts)]

    def _given(self, heard: Impression) -> dict[str, npt.NDArray[Any]]:
        memories: dict[str, npt.NDArray[Any]] = dict.fromkeys(self._memories, self._nothing)
        return memories | {"encoder_hidden_states": heard.states, "encoder_attention_mask": heard.mask}


def _written(scores: Floats, draft: Sequence[int]) -> Iterator[Token]:
    """The likeliest token at every place up to the first where a draft says something else, or ends."""
    for row, drafted in zip(scores, [*draft, None], strict=True):
        best = int(row.argmax())
        yield Token(best, float(_log_likelihoods(row)[best]))
        if best != drafted:
            return


def _log_likelihoods(scores: Floats) -> Floats:
    """Of every token, from its score: the last axis adds up to certainty."""
    over_best = scores - scores.max(-1, keepdims=True)
    likelihoods: Floats = over_best - np.log(np.exp(over_best).sum(-1, keepdims=True))
    return likelihoods
