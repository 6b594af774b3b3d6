"""`antiphon tls`: certificates of an authority of one's own."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence
from pathlib import Path

from antiphon_core.errors import BadSettings

from antiphon_orchestrator.authority import Authority, Use, write

WORKER_NAME = "antiphon-worker"
_TOLD = """\
{folder}/ca.crt is whom all trust; give it to browsers, too. ca.key beside it makes more: keep it elsewhere.

worker --tls-cert {folder}/worker/tls.crt --tls-key {folder}/worker/tls.key --tls-client-ca {folder}/worker/ca.crt ...

antiphon serve --fleet-name {name} --fleet-ca {folder}/orchestrator/ca.crt \\
  --fleet-cert {folder}/orchestrator/tls.crt --fleet-key {folder}/orchestrator/tls.key \\
  --tls-cert {folder}/public/tls.crt --tls-key {folder}/public/tls.key ..."""
_HERE = ("localhost", "127.0.0.1", "::1")


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    folder: Path = arguments.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder, arguments.host, arguments.days)
    except OSError as error:
        raise BadSettings(f"cannot write to {folder}: {error.strerror}", subject=str(folder)) from None
    print(_TOLD.format(folder=folder, name=WORKER_NAME))
    return 0


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="antiphon tls", description="Makes certificates, where there is no authority that would."
    )
    actions = top.add_subparsers(dest="action", metavar="ACTION", required=True)
    make = actions.add_parser(
        "make",
        help="an authority and certificates for workers, the server and its callers; again: new certificates, which "
        "processes that run take up by themselves",
    )
    make.add_argument("folder", type=Path, metavar="FOLDER", help="where they go, and where the authority is kept")
    make.add_argument(
        "--host", action="append", default=[], metavar="NAME",
        help="name or IP address by which callers reach the server; may be given again (default: this machine's)",
    )  # fmt: skip
    make.add_argument("--days", type=int, default=365, metavar="N", help="how long they count (default: 365)")
    return top


def _make(folder: Path, hosts: Sequence[str], days: int) -> None:
    """A folder for each, with the names that Kubernetes' secrets have."""
    cert, key = folder / "ca.crt", folder / "ca.key"
    authority = _authority(cert, key)
    names = [*(hosts or [socket.gethostname()]), *_HERE]
    for owner, pair in (
        ("worker", authority.issue(WORKER_NAME, Use.SERVING, days=days)),
        ("orchestrator", authority.issue("antiphon-orchestrator", Use.CALLING, days=days)),
        ("public", authority.issue(names[0], Use.SERVING, names, days)),
    ):
        (folder / owner).mkdir(mode=0o700, exist_ok=True)
        write(folder / owner / "ca.crt", cert.read_bytes())
        pair.write(folder / owner / "tls.crt", folder / owner / "tls.key")


def _authority(cert: Path, key: Path) -> Authority:
    """The one of before, if there is one: whoever trusts it goes on doing so."""
    if cert.exists() or key.exists():
        return Authority.read(cert, key)
    made = Authority.new()
    made.pair.write(cert, key)
    return made
