"""Speech: one piece of text as the networks say it, a second at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from antiphon_adapter_cosyvoice.dice import Dice
from antiphon_adapter_cosyvoice.networks import Networks
from antiphon_adapter_cosyvoice.reference import FRAMES_PER_TOKEN, HOP, Reference

_KEPT_FRAMES = 8
"""Of the spectrum: they are said again with the next chunk, and both takes are faded into each other."""
_KEPT_SAMPLES = _KEPT_FRAMES * 480

Floats = npt.NDArray[np.float32]


def speak(
    networks: Networks, reference: Reference, words: Any, speed: float, reading: Dice, sounding: Dice
) -> Generator[Floats, None, None]:
    """Sound, a second at a time; at another speed than 1 all at once, because it is stretched as a whole.

    All that changes lies in here: no two utterances share it, and a close ends it.
    """
    mouth = _Mouth(networks, reference, sounding)
    tokens: list[int] = []
    with closing(_tokens(networks, reference, words, reading)) as arriving:
        for token in arriving:
            tokens.append(token)
            if speed == 1.0 and len(tokens) == mouth.said + HOP + networks.flow.pre_lookahead_len:
                yield mouth.say_on(tokens)
    if not tokens:
        raise RuntimeError("the language model made no speech of the text")
    yield mouth.say_rest(tokens, speed)


def _tokens(networks: Networks, reference: Reference, words: Any, dice: Dice) -> Generator[int, None, None]:
    """What the language model makes of the words; what it raises comes out here, in the caller's own thread."""
    request_id = uuid4().hex
    steps = networks.llm.inference(
        text=words,
        text_len=_length(words),
        prompt_text=reference.text,
        prompt_text_len=_length(reference.text),
        prompt_speech_token=reference.tokens,
        prompt_speech_token_len=_length(reference.tokens),
        embedding=reference.embedding,
        uuid=request_id,
    )
    try:
        while True:
            with dice.turn(), networks.precision():
                token = next(steps, None)
            if token is None:
                return
            yield token
    finally:
        steps.close()
        if hasattr(networks.llm, "vllm"):
            networks.llm.vllm.abort_request([request_id])
            networks.llm.vllm_output_queue.pop(request_id, None)


class _Mouth:
    """Turns tokens into sound. The flow sees all tokens of the piece each time, and what it adds is sounded."""

    def __init__(self, networks: Networks, reference: Reference, dice: Dice) -> None:
        self.said = 0
        """Tokens."""
        self._networks = networks
        self._reference = reference
        self._dice = dice
        self._frames: Any = None
        """The end of the spectrum so far; the same of what excites it, and of the sound."""
        self._source: Any = None
        self._tail: Any = None

    def say_on(self, tokens: list[int]) -> Floats:
        """The next block. Its last frames are kept back until it is known how they go on."""
        import torch

        with torch.inference_mode(), self._dice.turn():
            frames = self._spectrum(tokens, final=False)
            sound, source = self._sound(frames)
        self._frames, self._source = frames[:, :, -_KEPT_FRAMES:], source[:, :, -_KEPT_SAMPLES:]
        self._tail = sound[:, -_KEPT_SAMPLES:]
        self.said += HOP
        return _samples(sound[:, :-_KEPT_SAMPLES])

    def say_rest(self, tokens: list[int], speed: float) -> Floats:
        """What is left."""
        import torch

        with torch.inference_mode(), self._dice.turn():
            frames = self._spectrum(tokens, final=True)
            if speed != 1.0:
                size = max(1, int(frames.shape[2] / speed))
                frames = torch.nn.functional.interpolate(frames, size=size, mode="linear")
            sound, _ = self._sound(frames)
        return _samples(sound)

    def _spectrum(self, tokens: list[int], *, final: bool) -> Any:
        """Of what was not said yet, behind the frames that were kept."""
        import torch

        reference, device = self._reference, self._networks.device
        spoken = torch.tensor([tokens], dtype=torch.int32, device=device)
        with self._networks.precision():
            frames, _ = self._networks.flow.inference(
                token=spoken,
                token_len=_length(spoken),
                prompt_token=reference.flow_tokens,
                prompt_token_len=_length(reference.flow_tokens),
                prompt_feat=reference.mel,
                prompt_feat_len=_length(reference.mel),
                embedding=reference.embedding,
                streaming=not final,
                finalize=final,
            )
        frames = frames[:, :, FRAMES_PER_TOKEN * self.said :]
        return frames if self._frames is None else torch.cat([self._frames, frames], dim=2)

    def _sound(self, frames: Any) -> tuple[Any, Any]:
        import torch

        before = torch.zeros(1, 1, 0) if self._source is None else self._source
        sound, source = self._networks.hift.inference(speech_feat=frames, cache_source=before)
        if self._tail is not None:
            rise = torch.hamming_window(2 * _KEPT_SAMPLES, periodic=False, device=sound.device)
            sound[:, :_KEPT_SAMPLES] *= rise[:_KEPT_SAMPLES]
            sound[:, :_KEPT_SAMPLES] += self._tail * rise[_KEPT_SAMPLES:]
        return sound, source


def _length(of: Any) -> Any:
    """Of the second dimension, as the engine wants it told."""
    import torch

    return torch.tensor([of.shape[1]], dtype=torch.int32, device=of.device)


def _samples(sound: Any) -> Floats:
    samples: Floats = sound[0].float().cpu().numpy()
    return samples
