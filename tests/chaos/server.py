"""`antiphon serve`, except that its ears are scripted: they understand the voice of `testing.voice`.

On SIGUSR1 it writes down what each of its tasks waits for.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from antiphon_core.store import StoreFiles
from antiphon_orchestrator import providers
from antiphon_orchestrator.cli import serve
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad


def _ears(settings: ServerSettings, files: StoreFiles) -> providers.Ears:
    return providers.Ears(ScriptedVad, ScriptedTurnDetector(cost_s=0.05), ScriptedAsr(cost_s=0.05))


def _tell_tasks(*_: object) -> None:
    for task in asyncio.all_tasks():
        print(task.get_name(), *_awaited(task.get_coro()), sep="\n    ", file=sys.stderr)


def _awaited(coroutine: Any) -> list[str]:
    """Where it is, and where what it awaits is."""
    frame = next((found for kind in ("cr", "ag", "gi") if (found := getattr(coroutine, f"{kind}_frame", None))), None)
    names = ("cr_await", "ag_await", "gi_yieldfrom")
    inner = next((found for name in names if (found := getattr(coroutine, name, None)) is not None), None)
    here = repr(coroutine) if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"
    return [here, *([] if inner is None else _awaited(inner))]


if __name__ == "__main__":
    providers.load_ears = _ears
    signal.signal(signal.SIGUSR1, _tell_tasks)
    sys.exit(serve.main(sys.argv[1:]))
