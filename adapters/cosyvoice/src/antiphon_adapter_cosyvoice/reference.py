"""Reference: what the networks are given of a voice, made from its clip once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from antiphon_core.errors import CannotLoad

from antiphon_adapter_cosyvoice.clip import Clip
from antiphon_adapter_cosyvoice.networks import Networks
from antiphon_adapter_cosyvoice.pack import RATE_HZ, Mode, Pack, Voice

HOP = 25
"""Speech tokens, one second: the flow was taught in blocks of so many, and speaks one at a time."""
FRAMES_PER_TOKEN = 2
CLIP_RATE_HZ = 16_000
END_OF_PROMPT = "<|endofprompt|>"


@dataclass(frozen=True, slots=True)
class Reference:
    """Tensors with a first dimension of one. The language model goes on from `text` and `tokens`, the flow from
    `flow_tokens`, `mel` and `embedding`."""

    text: Any
    tokens: Any
    flow_tokens: Any
    mel: Any
    embedding: Any


class Listener:
    """Takes clips apart: into speech tokens, a spectrum and how the speaker sounds."""

    def __init__(self, pack: Pack, networks: Networks, threads: int) -> None:
        self._pack = pack
        self._networks = networks
        self._speech_tokens = _session(pack.model / "speech_tokenizer_v2.onnx", threads)
        self._embedding = _session(pack.model / "campplus.onnx", threads)

    def reference(self, voice: Voice, clip: Clip) -> Reference:
        """What the voice's mode gives to the networks."""
        heard = self._heard(clip)
        if voice.mode is Mode.ZERO_SHOT:
            return replace(heard, text=self.text_tokens(voice.transcript))
        silent = replace(heard, tokens=heard.tokens[:, :0])
        if voice.mode is Mode.INSTRUCT:
            return self.instructed(silent, voice.instruct)
        return silent

    def instructed(self, reference: Reference, instruct: str) -> Reference:
        """The same voice, told how to speak."""
        words = self.text_tokens(instruct + END_OF_PROMPT)
        return replace(reference, text=words, tokens=reference.tokens[:, :0])

    def text_tokens(self, text: str) -> Any:
        import torch

        return torch.tensor([self._networks.tokenizer.encode(text)], dtype=torch.int32, device=self._networks.device)

    def _heard(self, clip: Clip) -> Reference:
        import torch
        import torchaudio.compliance.kaldi as kaldi
        import whisper

        speech = _resampled(clip, CLIP_RATE_HZ)
        spectrum = whisper.log_mel_spectrogram(speech, n_mels=128)
        tokens = _run(self._speech_tokens, spectrum.numpy(), _length(spectrum.shape[2]))
        filters = kaldi.fbank(speech, num_mel_bins=80, dither=0, sample_frequency=CLIP_RATE_HZ)
        embedding = _run(self._embedding, (filters - filters.mean(dim=0, keepdim=True))[None].numpy())
        mel = self._networks.mel(_resampled(clip, RATE_HZ)).transpose(1, 2)
        tokens = torch.from_numpy(tokens.reshape(1, -1)).int()[:, : mel.shape[1] // FRAMES_PER_TOKEN]
        device = self._networks.device
        return trimmed(
            Reference(
                text=torch.zeros(1, 0, dtype=torch.int32, device=device),
                tokens=tokens.to(device),
                flow_tokens=tokens.to(device),
                mel=mel.to(device),
                embedding=torch.from_numpy(embedding.reshape(1, -1)).to(device),
            )
        )


def saved_reference(pack: Pack, voice: Voice, device: Any) -> Reference:
    """A speaker that was saved: with what its clip gave, or by the sound of its voice alone."""
    import torch

    try:
        speakers = torch.load(pack.speakers, map_location=device, weights_only=True)
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        raise CannotLoad(f"{pack.speakers} holds no saved speakers: {first_line}", subject=pack.id) from error
    if voice.speaker not in speakers:
        raise CannotLoad(
            f"voice {voice.id!r}: {pack.speakers} holds no speaker {voice.speaker!r}; it holds: {', '.join(speakers)}",
            subject=voice.speaker,
            allowed=[*speakers],
        )
    saved = speakers[voice.speaker]
    nothing = torch.zeros(1, 0, dtype=torch.int32, device=device)
    return trimmed(
        Reference(
            text=saved.get("prompt_text", nothing),
            tokens=saved.get("llm_prompt_speech_token", nothing),
            flow_tokens=saved.get("flow_prompt_speech_token", nothing),
            mel=saved.get("prompt_speech_feat", torch.zeros(1, 0, 80, device=device)),
            embedding=saved["flow_embedding" if "flow_embedding" in saved else "embedding"],
        )
    )


def trimmed(reference: Reference) -> Reference:
    """Whole blocks for the flow, the latest ones: it begins to speak with the end of a block, and a part of one would
    have to be filled up with speech first."""
    count = reference.flow_tokens.shape[1]
    start = count % HOP if count > HOP else 0
    return replace(
        reference,
        flow_tokens=reference.flow_tokens[:, start:],
        mel=reference.mel[:, FRAMES_PER_TOKEN * start : FRAMES_PER_TOKEN * count],
    )


def _resampled(clip: Clip, rate_hz: int) -> Any:
    """One channel in a first dimension."""
    import torch
    import torchaudio

    return torchaudio.functional.resample(torch.from_numpy(clip.samples)[None], clip.rate_hz, rate_hz)


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        raise CannotLoad(f"{path} is not a network that can be read: {first_line}", subject=path.name) from error


def _run(session: Any, *inputs: Any) -> Any:
    """Its one output; its inputs by place, as publishers name them differently."""
    return session.run(None, {known.name: value for known, value in zip(session.get_inputs(), inputs, strict=True)})[0]


def _length(frames: int) -> Any:
    return np.array([frames], dtype=np.int32)
