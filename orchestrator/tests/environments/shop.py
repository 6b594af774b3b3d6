"""Wheels made on the spot: a core that loads plug-ins, an engine `chirp`, and a library that chirp is pinned to."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LOADER = """
from importlib.metadata import entry_points

def load_adapter(name):
    (point,) = entry_points(group="antiphon.tts_adapters", name=name)
    return point.load()
"""
CHIRP = "[antiphon.tts_adapters]\nchirp = antiphon_adapter_chirp\n"


@dataclass(frozen=True)
class Shop:
    """The folder they are in."""

    folder: Path

    @classmethod
    def filled(cls, folder: Path) -> Shop:
        shop = cls(folder)
        shop.put(
            "antiphon_core", {"worker/__init__.py": "", "worker/main.py": "main = None", "worker/plugins.py": _LOADER}
        )
        shop.put("feathers", {}, version="1.0")
        shop.put("feathers", {}, version="2.0")
        shop.put("antiphon_adapter_chirp", {}, needs=("antiphon-core", "feathers"), points=CHIRP)
        return shop

    def put(
        self,
        name: str,
        modules: Mapping[str, str],
        *,
        version: str = "0.1.0",
        needs: tuple[str, ...] = (),
        points: str = "",
        requires_python: str = ">=3.10",
    ) -> Path:
        """One wheel."""
        info = f"{name}-{version}.dist-info"
        metadata = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
            f"Requires-Python: {requires_python}",
        ]
        metadata += [f"Requires-Dist: {need}" for need in needs]
        texts = {f"{name}/{path}": text for path, text in {"__init__.py": "", **modules}.items()}
        texts |= {
            f"{info}/METADATA": "\n".join(metadata) + "\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": points,
            f"{info}/RECORD": "",
        }
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for member, text in texts.items():
                wheel.writestr(member, text)
        return path

    def pin(self, version: str = "1.0", sha256: str = "") -> Path:
        """The release's list of pins for chirp: that version of the library."""
        wheel = self.folder / f"feathers-{version}-py3-none-any.whl"
        sha256 = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
        path = self.folder / "requirements/antiphon-adapter-chirp.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"feathers=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
        return path
