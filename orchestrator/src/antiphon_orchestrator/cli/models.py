"""`antiphon models`: the models that listen and think, on this machine's disk."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from antiphon_core.settings import read_settings
from antiphon_core.store import StoreFiles

from antiphon_orchestrator.providers import model_files
from antiphon_orchestrator.settings import ServerSettings

_MEGABYTE = 1_000_000


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="antiphon models",
        description="The models that listen and think. Voices belong to their engines: see `worker --list`.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what there is, under which licence, and whether it is here")
    for name, what in (
        ("pull", "fetch models now instead of at their first use"),
        ("verify", "check every file's checksum; what is damaged is fetched again at its next use"),
        ("remove", "delete models from this machine"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("id", nargs="+" if name == "remove" else "*", help="as `antiphon models list` names it")
    arguments = parser.parse_args(argv)
    files = model_files(read_settings(ServerSettings, {}))
    if arguments.action == "list":
        return _list(files)
    chosen = arguments.id or [entry.id for entry in files.catalogue.entries]
    return {"pull": _pull, "verify": _verify, "remove": _remove}[arguments.action](files, chosen)


def _list(files: StoreFiles) -> int:
    for listed in files.store.listing(files.catalogue):
        entry = listed.entry
        state = "here" if listed.present else "not here" if listed.permitted else "licence refused"
        size = f"{entry.size_bytes / _MEGABYTE:.0f} MB"
        print(f"{entry.id:<24} {entry.licence:<14} {size:>7}  {state:<16} {entry.description}")
    print(f"in {files.store.root}")
    return 0


def _pull(files: StoreFiles, chosen: Sequence[str]) -> int:
    for entry_id in chosen:
        print(f"{entry_id}: {files.get(entry_id)}")
    return 0


def _verify(files: StoreFiles, chosen: Sequence[str]) -> int:
    damaged = 0
    for entry_id in chosen:
        wrong = files.store.verify(files.catalogue.entry(entry_id))
        damaged += bool(wrong)
        print(f"{entry_id}: {'missing or damaged: ' + ', '.join(wrong) if wrong else 'whole'}")
    return 1 if damaged else 0


def _remove(files: StoreFiles, chosen: Sequence[str]) -> int:
    for entry_id in chosen:
        removed = files.store.remove(files.catalogue.entry(entry_id))
        print(f"{entry_id}: {'removed' if removed else 'was not here'}")
    return 0
