"""`antiphon serve`, except that its ears are scripted: they understand the voice of `testing.voice`."""

from __future__ import annotations

import sys

from antiphon_core.store import StoreFiles
from antiphon_orchestrator import providers
from antiphon_orchestrator.cli import serve
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.ears import ScriptedAsr, ScriptedTurnDetector, ScriptedVad


def _ears(settings: ServerSettings, files: StoreFiles) -> providers.Ears:
    return providers.Ears(ScriptedVad, ScriptedTurnDetector(cost_s=0.05), ScriptedAsr(cost_s=0.05))


if __name__ == "__main__":
    providers.load_ears = _ears
    sys.exit(serve.main(sys.argv[1:]))
