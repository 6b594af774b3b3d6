"""docs/realtime.md names every event that the code knows, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from antiphon_orchestrator.api.realtime.client_events import EVENT_TYPES
from antiphon_orchestrator.api.realtime.outbox import OWN_PREFIX
from antiphon_orchestrator.testing.protocol import server_event_types

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "realtime.md").read_text(encoding="utf-8")
SOURCES = ROOT / "orchestrator" / "src" / "antiphon_orchestrator"


def listed_under(heading: str) -> set[str]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", section, re.MULTILINE))


def names_in_code() -> Iterator[str]:
    for folder in ("session", "api/realtime", "keeping"):
        for path in (SOURCES / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
                elif isinstance(node, ast.JoinedStr):
                    yield from re.findall(r'"type":"([a-z_.]+)"', ast.unparse(node))


def test_every_client_event_is_listed() -> None:
    assert listed_under("Events a client may send") == set(EVENT_TYPES)


def test_every_server_event_is_listed() -> None:
    sent = {name for name in names_in_code() if name in server_event_types()}
    assert listed_under("Events the server sends") == sent - set(EVENT_TYPES)


def test_every_event_of_our_own_is_listed() -> None:
    own = {name for name in names_in_code() if re.fullmatch(rf"{re.escape(OWN_PREFIX)}[a-z_.]+", name)}
    assert listed_under("Events of our own") == own - set(EVENT_TYPES)
