"""`antiphon env`: an environment of its own for each engine, on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from antiphon_core.store.disk import size_text
from antiphon_core.store.progress import progress_on

from antiphon_orchestrator.environments import building, sources
from antiphon_orchestrator.environments.errors import NoEnvironment
from antiphon_orchestrator.environments.installer import Installer
from antiphon_orchestrator.environments.place import Place, environments_root, places
from antiphon_orchestrator.environments.trial import Trial

_FROM = (
    "where its packages come from: a repository, an adapter's project, a folder of wheels, the address of a package "
    "index, or `index` for the one that pip uses (default: the repository that this program runs from, else that index)"
)


def main(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    action: Callable[[argparse.Namespace], int] = arguments.run
    return action(arguments)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="antiphon env",
        description="Gives an engine an environment of its own, so that its dependencies are in nobody's way. "
        "`antiphon up --adapter ENGINE` runs it from there.",
    )
    actions = top.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make an engine's environment, or bring it up to date")
    add.add_argument("engine", metavar="ENGINE", help="its name, as `--adapter` takes it")
    add.add_argument("--from", dest="origin", default="", metavar="WHERE", help=_FROM)
    add.add_argument("--python", default="", metavar="PATH", help="the Python to make it with (else one that fits)")
    add.add_argument("--pins", type=Path, metavar="FILE", help="exact versions with hashes, for wheels and indexes")
    add.set_defaults(run=_add)
    listing = actions.add_parser("list", help="what there is, what it is made of, and what can be added")
    listing.set_defaults(run=_list)
    check = actions.add_parser(
        "check", help="try environments: everything there, nothing in conflict, the engine loads"
    )
    check.add_argument("engine", nargs="*", metavar="ENGINE", help="which (else all)")
    check.set_defaults(run=_check)
    remove = actions.add_parser("remove", help="delete an engine's environment")
    remove.add_argument("engine", nargs="+", metavar="ENGINE")
    remove.set_defaults(run=_remove)
    return top


def _add(arguments: argparse.Namespace) -> int:
    # Whoever ends us politely shall find nothing half-made.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _make(arguments)
    finally:
        signal.signal(signal.SIGTERM, before)


def _make(arguments: argparse.Namespace) -> int:
    engine, progress = arguments.engine, progress_on(sys.stdout)
    pins = _read(arguments.pins) if arguments.pins else ""
    place = Place(environments_root(), engine)

    def find(scratch: Path) -> sources.Source:
        pip = Installer(Path(sys.executable), scratch, progress)
        return sources.choose(engine, arguments.origin, pins, pip, scratch)

    made = building.add(place, find, arguments.python, progress)
    print(f"{engine}: {'is ready' if made else 'is here already, whole and up to date'}, in {place.current}")
    return 0


def _read(pins: Path) -> str:
    try:
        return pins.read_text(encoding="utf-8")
    except OSError as error:
        raise NoEnvironment(f"--pins {pins}: {error.strerror}", subject=str(pins)) from None


def _list(arguments: argparse.Namespace) -> int:
    root = environments_root()
    there = list(places(root))
    for place in there:
        print(_line(place))
    print(f"in {root}" if there else f"no engine has an environment of its own in {root}")
    if house := sources.checkout():
        more = [name for name in sources.engines_of(house) if name not in {place.engine for place in there}]
        print(f"`antiphon env add` can add: {', '.join(more) or 'no more'}")
    return 0


def _line(place: Place) -> str:
    record = place.record()
    if record is None:
        return f"{place.engine:<16} unfinished; `antiphon env add {place.engine}` makes it anew"
    state = "" if place.python.exists() else "  (its Python is gone; add it again)"
    pinned = "by hash" if record.pins else "unpinned"
    return (
        f"{record.engine:<16} {record.version:<10} Python {record.python:<8} {size_text(record.size_bytes):>7}  "
        f"{pinned:<8} from {record.origin}{state}"
    )


def _check(arguments: argparse.Namespace) -> int:
    root = environments_root()
    there = {place.engine: place for place in places(root)}
    failed = 0
    for engine in arguments.engine or there:
        faults = _faults(_known(engine, there))
        failed += bool(faults)
        print(f"{engine}: {'; '.join(faults) if faults else 'whole'}")
        if faults:
            print(f"{engine}: make it anew with `antiphon env remove {engine} && antiphon env add {engine}`")
    return 1 if failed else 0


def _faults(place: Place) -> list[str]:
    try:
        if place.record() is None:
            return ["it is unfinished"]
    except NoEnvironment as error:
        return [error.message]
    return Trial(place.python, place.engine, place.pins).faults()


def _remove(arguments: argparse.Namespace) -> int:
    there = {place.engine: place for place in places(environments_root())}
    for place in [_known(engine, there) for engine in arguments.engine]:
        with place.locked(lambda: print("another process is at work on it; waiting", flush=True)):
            place.clear()
        print(f"{place.engine}: removed")
    return 0


def _known(engine: str, there: dict[str, Place]) -> Place:
    if engine not in there:
        names = ", ".join(there) or "none"
        raise NoEnvironment(
            f"{engine!r} has no environment here; these have: {names}", subject=engine, allowed=tuple(there)
        )
    return there[engine]
