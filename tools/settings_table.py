"""Writes the tables of settings into the documents, between their markers: `python -m tools.settings_table`.

A document holds `<!-- settings: MODULE:CLASS -->`, a table, and `<!-- end -->`. Must run where the classes import.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"(<!-- settings: ([\w.]+):(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(settings_class: Any) -> str:
    """One row a setting: its flag, its default, whether it follows the file, what it does."""
    from antiphon_core.settings import flag, live_fields

    live = live_fields(settings_class)
    rows = ["| flag | default | live | what it does |", "|---|---|---|---|"]
    for name, field in settings_class.model_fields.items():
        mark = "yes" if name in live else ""
        what = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{flag(name, field)}` | {_default(field)} | {mark} | {what} |")
    return "\n".join(rows) + "\n"


def _default(field: Any) -> str:
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value in (None, "", (), {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def written_anew(text: str) -> str:
    """The document with its tables as the classes are now."""

    def replaced(found: re.Match[str]) -> str:
        settings_class = getattr(import_module(found[2]), found[3])
        return found[1] + table(settings_class) + found[4]

    return _BLOCK.sub(replaced, text)


def documents() -> Iterator[Path]:
    """Those that hold such a table."""
    for path in sorted((ROOT / "docs").glob("*.md")):
        if _BLOCK.search(path.read_text(encoding="utf-8")):
            yield path


def main() -> int:
    for path in documents():
        path.write_text(written_anew(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
