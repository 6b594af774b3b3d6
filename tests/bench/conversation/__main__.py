"""What a conversation costs and how fast it is: `python tests/bench/conversation [PART ...]`.

Parts: latency, three, overlap, resources, ticks, speech, start, connects; all of them without an argument. Real models,
real processes, on this machine; every figure is printed with the number it has to reach.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
from antiphon_core.logs import set_up_logs

sys.path.insert(0, str(Path(__file__).parent))

import overlap
import processes
import resources
import speech
import ticks
import turns

PARTS: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    "start": processes.measure_start,
    "latency": turns.measure_one,
    "three": turns.measure_three,
    "overlap": overlap.measure,
    "resources": resources.measure,
    "connects": resources.measure_connects,
    "speech": speech.measure,
    "ticks": ticks.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    set_up_logs("warning", "console")
    chosen = parser.parse_args().parts or list(PARTS)
    print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"load before: {', '.join(f'{load:.1f}' for load in psutil.getloadavg())}")
    for part in chosen:
        print(f"\n{part}")
        asyncio.run(PARTS[part]())


if __name__ == "__main__":
    main()
