"""Whisper's weights as CTranslate2 keeps them, read and named as in a checkpoint of OpenAI's.

The model store brings real weights in the one format only; the recogniser on torch reads the other.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Weights = dict[str, Array]
_Linear = tuple[Array, Array]

_VERSION = 6
_KINDS = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_CONVOLUTIONS = [(conv, part) for conv in ("conv1", "conv2") for part in ("weight", "bias")]
_NORM = {"gamma": "weight", "beta": "bias"}


def checkpoint(model: Path) -> dict[str, dict[str, Any]]:
    """What OpenAI's package saves and loads, with arrays for tensors. `model`: CTranslate2's `model.bin`."""
    source = read_weights(model)
    weights = {**_encoder(source), **_decoder(source)}
    return {"dims": _sizes(source, weights), "model_state_dict": weights}


def read_weights(model: Path) -> Weights:
    """Everything in the file: a header, then name, shape, kind and bytes of each array."""
    with model.open("rb") as file:
        version, specification = _number(file, "I"), _name(file)
        if (version, specification) != (_VERSION, "WhisperSpec"):
            raise ValueError(f"{model} holds {specification}, version {version}; only WhisperSpec, {_VERSION} is read")
        _number(file, "I")  # the specification's own revision
        return dict(_array(file) for _ in range(_number(file, "I")))


def _array(file: BinaryIO) -> tuple[str, Array]:
    name = _name(file)
    shape = tuple(_number(file, "I") for _ in range(_number(file, "B")))
    kind, size = _number(file, "B"), _number(file, "I")
    return name, np.frombuffer(file.read(size), _KINDS[kind]).reshape(shape)


def _number(file: BinaryIO, kind: str) -> int:
    (number,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return int(number)


def _name(file: BinaryIO) -> str:
    return file.read(_number(file, "H")).rstrip(b"\0").decode()


def _encoder(source: Weights) -> Weights:
    weights = {f"encoder.{conv}.{part}": source[f"encoder/{conv}/{part}"] for conv, part in _CONVOLUTIONS}
    weights["encoder.positional_embedding"] = source["encoder/position_encodings/encodings"]
    for layer in range(_layers(source, "encoder")):
        weights |= _block(source, f"encoder/layer_{layer}", f"encoder.blocks.{layer}")
    return weights | _norm(source, "encoder/layer_norm", "encoder.ln_post")


def _decoder(source: Weights) -> Weights:
    weights = {
        "decoder.token_embedding.weight": source["decoder/embeddings/weight"],
        "decoder.positional_embedding": source["decoder/position_encodings/encodings"],
    }
    for layer in range(_layers(source, "decoder")):
        old, new = f"decoder/layer_{layer}", f"decoder.blocks.{layer}"
        weights |= _block(source, old, new) | _norm(source, f"{old}/attention/layer_norm", f"{new}.cross_attn_ln")
        weights |= _cross_attention(source, f"{old}/attention", f"{new}.cross_attn")
    return weights | _norm(source, "decoder/layer_norm", "decoder.ln")


def _block(source: Weights, old: str, new: str) -> Weights:
    """What both halves have: attention to itself, then two linear layers; a norm before each."""
    attention, ffn = f"{old}/self_attention", f"{old}/ffn"
    query, key, value = (_parts(source, f"{attention}/linear_0", 3, place) for place in range(3))
    return {
        **_attention(f"{new}.attn", query, key, value, _parts(source, f"{attention}/linear_1")),
        **_linear(f"{new}.mlp.0", _parts(source, f"{ffn}/linear_0")),
        **_linear(f"{new}.mlp.2", _parts(source, f"{ffn}/linear_1")),
        **_norm(source, f"{attention}/layer_norm", f"{new}.attn_ln"),
        **_norm(source, f"{ffn}/layer_norm", f"{new}.mlp_ln"),
    }


def _cross_attention(source: Weights, old: str, new: str) -> Weights:
    """Only key and value are fused: they look at the audio, the query at the text."""
    key, value = (_parts(source, f"{old}/linear_1", 2, place) for place in range(2))
    return _attention(new, _parts(source, f"{old}/linear_0"), key, value, _parts(source, f"{old}/linear_2"))


def _attention(name: str, query: _Linear, key: _Linear, value: _Linear, out: _Linear) -> Weights:
    weights: Weights = {f"{name}.key.weight": key[0]}  # OpenAI's key has no bias: CTranslate2's is zero
    for part, linear in (("query", query), ("value", value), ("out", out)):
        weights |= _linear(f"{name}.{part}", linear)
    return weights


def _parts(source: Weights, name: str, fused: int = 1, place: int = 0) -> _Linear:
    """Weight and bias of a layer, or of one of several that are fused."""
    return (
        np.split(source[f"{name}/weight"], fused)[place],
        np.split(source[f"{name}/bias"], fused)[place],
    )


def _linear(name: str, linear: _Linear) -> Weights:
    return {f"{name}.weight": linear[0], f"{name}.bias": linear[1]}


def _norm(source: Weights, old: str, new: str) -> Weights:
    return {f"{new}.{to}": source[f"{old}/{part}"] for part, to in _NORM.items()}


def _layers(source: Weights, half: str) -> int:
    return len({name.split("/")[1] for name in source if name.startswith(f"{half}/layer_")} - {"layer_norm"})


def _sizes(source: Weights, weights: Weights) -> dict[str, int]:
    audio_context, audio_state = weights["encoder.positional_embedding"].shape
    text_context, text_state = weights["decoder.positional_embedding"].shape
    return {
        "n_mels": weights["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio_context,
        "n_audio_state": audio_state,
        "n_audio_head": int(source["encoder/num_heads"]),
        "n_audio_layer": _layers(source, "encoder"),
        "n_vocab": len(weights["decoder.token_embedding.weight"]),
        "n_text_ctx": text_context,
        "n_text_state": text_state,
        "n_text_head": int(source["decoder/num_heads"]),
        "n_text_layer": _layers(source, "decoder"),
    }
