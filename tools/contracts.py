"""Checks who may import whom, and that no engine is named where the house must not know it.

Five contracts stand in .importlinter. The sixth is about names, not imports: the orchestrator, the worker and the
wire must work with an engine nobody has heard of, so no engine's name appears in them outside the settings' defaults.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.projects import ROOT, find_adapters, find_projects

ENGINE_FREE = ("proto", "core", "orchestrator")
MAY_NAME_ENGINES = frozenset({"settings.py"})
ORDINARY_WORDS = frozenset({"tone"})
"""Adapters whose name is an English word: only a string that is nothing but the name (or `name/voice`) counts."""


def import_breaches(root: Path = ROOT) -> str:
    """What import-linter says when a contract is broken; nothing when all are kept."""
    sources = os.pathsep.join(str(project.folder / "src") for project in find_projects(root) if project.is_published)
    done = subprocess.run(
        ["lint-imports", "--no-cache", "--no-logo", "--config", root / ".importlinter"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{done.stdout}{done.stderr}" if done.returncode else ""


def named_engines(root: Path = ROOT) -> list[str]:
    """One line for each place that names an engine and must not."""
    engines = [project.folder.name for project in find_adapters(root)]
    return [
        f"{path.relative_to(root)}:{number}: names the engine {engine!r}; ask the adapter or the settings instead"
        for path in _engine_free_files(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for engine in engines
        if _pattern(engine).search(line)
    ]


def _engine_free_files(root: Path) -> Iterator[Path]:
    for place in ENGINE_FREE:
        for path in sorted((root / place / "src").rglob("*")):
            is_text = path.suffix in {".py", ".pyi", ".js", ".ts", ".html", ".css", ".yaml", ".json", ".toml"}
            if is_text and path.name not in MAY_NAME_ENGINES:
                yield path


def _pattern(engine: str) -> re.Pattern[str]:
    if engine in ORDINARY_WORDS:
        return re.compile(rf"""(["'`]){engine}(/\w+)?\1""")
    return re.compile(rf"(?<![a-z]){re.escape(engine)}(?![a-z])", re.IGNORECASE)


def main() -> int:
    """Check all six contracts."""
    found = [*filter(None, [import_breaches()]), *named_engines()]
    print("\n".join(found) or "all six contracts are kept")
    return len(found)


if __name__ == "__main__":
    sys.exit(main())
