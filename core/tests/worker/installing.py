"""Installs adapters as pip does."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, name: str, module: str, version: str = "1.2.3") -> None:
    """What pip leaves behind of an adapter's distribution."""
    info = folder / f"antiphon_adapter_{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: antiphon-adapter-{name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[antiphon.tts_adapters]\n{name} = {module}\n")
