"""`antiphon new-adapter`: the project of an engine's plug-in, ready to be filled."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from antiphon_orchestrator.environments.sources import checkout
from antiphon_orchestrator.new_adapter.registering import register
from antiphon_orchestrator.new_adapter.writing import NewAdapter

_NEXT_INSIDE = """
next:
  tox -e relock -- adapters/{name}   lock it
  tox -e adapter-{name}              its tests: a placeholder keeps the whole contract already
  {plugin}   put the engine where the placeholder hums"""
_NEXT_OUTSIDE = """
next, in {folder}:
  python3 -m venv .venv && .venv/bin/pip install -e . "antiphon-core[testkit]"
  .venv/bin/pytest                   a placeholder keeps the whole contract already
  {plugin}   put the engine where the placeholder hums"""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="antiphon new-adapter",
        description="Writes the project of a new engine's plug-in, with a placeholder that speaks at once.",
    )
    parser.add_argument("name", metavar="NAME", help="the engine's name: lower-case letters, digits, dashes")
    parser.add_argument(
        "--folder",
        type=Path,
        help="where to write it (default: adapters/NAME of the repository that this program runs from, else "
        "antiphon-adapter-NAME here)",
    )
    arguments = parser.parse_args(argv)
    repository = None if arguments.folder else checkout()
    folder = repository / "adapters" / arguments.name if repository else arguments.folder
    folder = folder or Path(f"antiphon-adapter-{arguments.name}")
    new = NewAdapter(arguments.name, folder.absolute(), version("antiphon-core"), repository is not None)
    written = new.write()
    if repository:
        written += register(repository, new.folder, new.package)
    for path in written:
        print(path)
    steps = _NEXT_INSIDE if repository else _NEXT_OUTSIDE
    print(steps.format(name=new.name, folder=new.folder, plugin=new.folder / "src" / new.package / "plugin.py"))
    return 0
