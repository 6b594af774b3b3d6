"""Where engines and peers live: an environment for each, and a peer's program in its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from antiphon_core.store import Store, load_catalogue

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
VOICE = "en_US-joe-medium"


def python_of(name: str, given: Mapping[str, str]) -> Path:
    """The Python of an adapter's or a peer's environment, filled from its lock unless one is given."""
    if name in given:
        return Path(given[name])
    folder = next(place for place in (ROOT / "adapters" / name, PEERS / name) if place.is_dir())
    clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    subprocess.run(["poetry", "sync", "--no-interaction", "--quiet"], cwd=folder, env=clean, check=True)
    return folder / ".venv/bin/python"


class Peer:
    """wyoming-piper with the default voice of our own adapter."""

    def __init__(self, python: Path) -> None:
        catalogue = load_catalogue(ROOT / "adapters/piper/src/antiphon_adapter_piper/catalogue.yaml")
        folder = Store().get(catalogue.entry(VOICE))
        command = [str(python), str(PEERS / "wyoming-piper" / "client.py"), VOICE, str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.load_s = self._read()["load_s"]
        self.rss_bytes = 0.0

    def ask(self, texts: Sequence[str], parallel: int) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"texts": texts, "parallel": parallel}) + "\n")
        self._process.stdin.flush()
        said = self._read()
        self.rss_bytes = said["rss_bytes"]
        return said

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.communicate()
