"""`antiphon tls`: certificates of an authority of one's own."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence
from pathlib import Path

from antiphon_core.errors import BadSettings

from antiphon_orchestrator.authority import Authority, Use

WORKER_NAME = "antiphon-worker"
_HERE = ("localhost", "127.0.0.1", "::1")


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    folder: Path = arguments.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder, arguments.host, arguments.days)
    except OSError as error:
        raise BadSettings(f"cannot write to {folder}: {error.strerror}", subject=str(folder)) from None
    print(
        f"""{folder}:
  ca.pem            whom all trust (give it to browsers, too, for public.pem); ca.key makes more: keep it elsewhere
  worker.pem        for every worker, whatever its address: it is for the name {WORKER_NAME}
  orchestrator.pem  what the server shows to workers
  public.pem        what the server shows to callers

worker --tls-cert {folder}/worker.pem --tls-key {folder}/worker.key --tls-client-ca {folder}/ca.pem ...
antiphon serve --fleet-name {WORKER_NAME} --fleet-ca {folder}/ca.pem \\
  --fleet-cert {folder}/orchestrator.pem --fleet-key {folder}/orchestrator.key \\
  --tls-cert {folder}/public.pem --tls-key {folder}/public.key ..."""
    )
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
    authority = _authority(folder / "ca.pem", folder / "ca.key")
    names = [*(hosts or [socket.gethostname()]), *_HERE]
    for owner, pair in (
        ("worker", authority.issue(WORKER_NAME, Use.SERVING, days=days)),
        ("orchestrator", authority.issue("antiphon-orchestrator", Use.CALLING, days=days)),
        ("public", authority.issue(names[0], Use.SERVING, names, days)),
    ):
        pair.write(folder / f"{owner}.pem", folder / f"{owner}.key")


def _authority(cert: Path, key: Path) -> Authority:
    """The one of before, if there is one: whoever trusts it goes on doing so."""
    if cert.exists() or key.exists():
        return Authority.read(cert, key)
    made = Authority.new()
    made.pair.write(cert, key)
    return made
