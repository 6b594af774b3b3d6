"""The compose file, read and run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.projects import ROOT, find_adapters

FILE = ROOT / "compose.yaml"
TLS_FILE = ROOT / "compose.tls.yaml"
ADAPTERS = {project.folder.name: project for project in find_adapters()}


@cache
def services() -> dict[str, dict[str, Any]]:
    """Every service by its name, with what it inherits."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


@cache
def services_with_tls() -> dict[str, dict[str, Any]]:
    """What the other file lays over them."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(TLS_FILE.read_text(encoding="utf-8"))["services"]
    return found


def command(project: str, *profiles: str, override: Path | None = None) -> list[str]:
    """The beginning of a podman-compose command."""
    files = [FILE, *([override] if override else [])]
    named = [argument for file in files for argument in ("--file", str(file))]
    chosen = [argument for profile in profiles for argument in ("--profile", profile)]
    return ["podman-compose", "--project-name", project, *named, *chosen]
