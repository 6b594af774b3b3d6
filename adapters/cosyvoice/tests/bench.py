"""How fast and how big CosyVoice is here: random weights of any size, the way that real ones take.

Random weights cost what real ones cost. What they say ends by chance, so every figure is per second of speech.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

from antiphon_adapter_cosyvoice import plugin
from antiphon_core.models import AdapterSettings, Model, SpeechRequest
from antiphon_core.testkit import NoFiles
from random_pack import FULL, TINY, make

TEXT = "The old lighthouse still stands by the harbour, and in the evening you can see its light from far away."


def main() -> None:
    """Prints the figures."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.pack or Path(scratch) / "pack"
        if asked.pack is None:
            make(folder, {"tiny": TINY, "full": FULL}[asked.size], asked.size)
        options = dict(option.split("=", 1) for option in asked.option)
        settings = AdapterSettings(NoFiles(), options, (folder,), asked.threads)
        began_s = time.perf_counter()
        model = plugin.tts_load_model(plugin.tts_list_models(settings)[0].id, asked.device, settings)
        print(f"load          {time.perf_counter() - began_s:.2f} s")
        _speak(model, 0)
        takes = [_speak(model, seed) for seed in range(1, asked.takes + 1)]
        print(
            f"first chunk   {statistics.median(first_s for first_s, _ in takes) * 1000:.0f} ms (median of {len(takes)})"
        )
        print(f"RTF           {statistics.median(rtf for _, rtf in takes):.3f}")
        print(f"memory        {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
        _print_device_memory(asked.device, model)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny", help="how big the random model is")
    parser.add_argument("--pack", type=Path, help="a voice pack instead of a random model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--option", action="extend", nargs="+", default=[], metavar="KEY=VALUE", help="fp16=true, ...")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--takes", type=int, default=5)
    return parser.parse_args()


def _speak(model: Model, seed: int) -> tuple[float, float]:
    """The wait for the first chunk, and the real-time factor."""
    began_s, first_s, samples = time.perf_counter(), 0.0, 0
    for chunk in model.synthesize(SpeechRequest(TEXT, model.info.default_voice, "en", seed=seed)):
        first_s = first_s or time.perf_counter() - began_s
        samples += len(chunk.samples)
    return first_s, (time.perf_counter() - began_s) * model.info.native_rate_hz / samples


def _print_device_memory(device: str, model: Model) -> None:
    import torch

    if not device.startswith("cuda"):
        return
    print(f"device memory {torch.cuda.max_memory_allocated() / 1e9:.2f} GB at most, {torch.cuda.get_device_name()}")
    model.close()
    print(f"after close   {torch.cuda.memory_reserved() / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
