"""A voice pack with random weights: the real architecture and files in any size, made here, saying nothing sensible.

It takes the very way that real weights take, on any machine. `python random_pack.py FOLDER` makes the small one.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from antiphon_adapter_cosyvoice.networks import quiet_engine

HERE = Path(__file__).parent
SPEECH_TOKENS = 6561
TRANSCRIPT = "A calm and even voice, that says what it has to say, and no more."
CORPUS = (
    "the old lighthouse still stands by harbour and in evening you can see its light from far away ",
    "quick brown fox jumps over lazy dog then both of them take rest hello world speak this that what how ",
)
PACK_YAML = f"""
id: {{name}}
licence: CC0-1.0
languages: [en-US, en, zh]
voices:
  anna:
    description: goes on where her clip ends
    clip: voices/anna.wav
    transcript: {TRANSCRIPT}
  bo:
    description: keeps the sound of his clip, in any language
    mode: cross_lingual
    clip: voices/bo.wav
  carla:
    description: speaks as she was told
    mode: instruct
    clip: voices/anna.wav
    instruct: Speak slowly and softly.
  dora:
    description: was saved before
    mode: speaker
    speaker: dora
"""


@dataclass(frozen=True)
class Size:
    """How big the networks are. What is not named here is the same in all of them."""

    hidden: int
    layers: int
    heads: int
    key_heads: int
    feed_forward: int
    vocabulary: int
    encoder_blocks: int
    encoder_units: int
    channels: int
    head_width: int
    decoder_heads: int
    decoder_blocks: int
    middle_blocks: int
    hift_channels: int
    pitch_channels: int


TINY = Size(32, 2, 4, 2, 64, 512, 1, 64, 32, 8, 2, 1, 1, 32, 32)
FULL = Size(896, 24, 14, 2, 4864, 151_936, 6, 2048, 256, 64, 8, 4, 12, 512, 512)
"""As CosyVoice2-0.5B."""


def tiny_pack() -> Path:
    """The folder of the small one: made once on this machine, and again when this file changes."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (Path(__file__), HERE / "random.yaml"))).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"antiphon-cosyvoice-{digest[:12]}" / "tiny"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            unfinished = Path(scratch) / "tiny"
            make(unfinished, TINY, "tiny")
            with contextlib.suppress(OSError):  # somebody else was faster
                unfinished.rename(folder)
    return folder


def make(folder: Path, size: Size, name: str) -> None:
    """Writes all files of a pack into the folder."""
    import torch

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack.yaml").write_text(PACK_YAML.format(name=name), encoding="utf-8")
    configuration = (HERE / "random.yaml").read_text(encoding="utf-8").format(**asdict(size))
    (folder / "cosyvoice2.yaml").write_text(configuration, encoding="utf-8")
    with quiet_engine():
        _write_language_model(folder / "CosyVoice-BlankEN", size)
        _write_networks(folder)
        _write_ears(folder)
    _write_voices(folder)


def clip(seed: int, duration_s: float = 4.2, rate_hz: int = 24_000) -> Any:
    """Something like speech: a buzz with a moving pitch, in syllables."""
    at = np.arange(int(duration_s * rate_hz)) / rate_hz
    pitch_hz = 110 + 30 * seed + 15 * np.sin(2 * np.pi * 0.7 * at)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    buzz = sum(np.sin(n * phase) / n for n in range(1, 12))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * (3.1 + seed / 3) * at)
    return (0.2 * buzz * syllables).astype(np.float32)


def _write_language_model(folder: Path, size: Size) -> None:
    """A Qwen2 and its tokenizer, which has learnt the words of the corpus."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import Qwen2Config, Qwen2ForCausalLM

    configuration = Qwen2Config(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_heads,
        tie_word_embeddings=True,
        max_position_embeddings=4096,
    )
    Qwen2ForCausalLM(configuration).save_pretrained(folder)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(CORPUS, vocab_size=460, min_frequency=1, show_progress=False)
    tokenizer.save_model(str(folder))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "Qwen2Tokenizer"}', encoding="utf-8")


def _write_networks(folder: Path) -> None:
    import torch
    from hyperpyyaml import load_hyperpyyaml

    with (folder / "cosyvoice2.yaml").open(encoding="utf-8") as file:
        parts = load_hyperpyyaml(file, overrides={"qwen_pretrain_path": str(folder / "CosyVoice-BlankEN")})
    # Without it, the end of speech is one token in thousands, and a random model rambles on.
    bias = parts["llm"].llm_decoder.bias.data
    bias[SPEECH_TOKENS], bias[SPEECH_TOKENS + 1 :] = 3.5, -1e4
    for name in ("llm", "flow", "hift"):
        torch.save(parts[name].state_dict(), folder / f"{name}.pt")


def _write_ears(folder: Path) -> None:
    """The two networks that hear clips, with the inputs and outputs of the real ones."""
    import torch

    class Speaker(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.mix = torch.nn.Linear(80, 192)

        def forward(self, features: Any) -> Any:
            return self.mix(features.square().mean(dim=1))

    class Tokens(torch.nn.Module):  # type: ignore[misc]
        def forward(self, features: Any, length: Any) -> Any:
            blocks = torch.nn.functional.avg_pool1d(features, 4).mean(dim=1)
            return (blocks.abs() * 1e4).long() % SPEECH_TOKENS + 0 * length.long()

    features = torch.rand(1, 100, 80)
    torch.onnx.export(
        Speaker(), (features,), str(folder / "campplus.onnx"), input_names=["input"], output_names=["output"],
        dynamic_axes={"input": {1: "frames"}},
    )  # fmt: skip
    torch.onnx.export(
        Tokens(), (torch.rand(1, 128, 100), torch.tensor([100], dtype=torch.int32)),
        str(folder / "speech_tokenizer_v2.onnx"), input_names=["feats", "feats_length"], output_names=["indices"],
        dynamic_axes={"feats": {2: "frames"}, "indices": {1: "tokens"}},
    )  # fmt: skip


def _write_voices(folder: Path) -> None:
    import soundfile
    import torch

    (folder / "voices").mkdir()
    for seed, name in enumerate(("anna", "bo")):
        soundfile.write(folder / "voices" / f"{name}.wav", clip(seed), 24_000)
    tokens = torch.randint(SPEECH_TOKENS, (1, 60), dtype=torch.int32)
    dora = {
        "prompt_text": torch.randint(400, (1, 12), dtype=torch.int32),
        "llm_prompt_speech_token": tokens,
        "flow_prompt_speech_token": tokens,
        "prompt_speech_feat": torch.randn(1, 120, 80),
        "llm_embedding": torch.randn(1, 192),
        "flow_embedding": torch.randn(1, 192),
    }
    torch.save({"dora": dora}, folder / "spk2info.pt")


if __name__ == "__main__":
    make(Path(sys.argv[1]), TINY, "tiny")
