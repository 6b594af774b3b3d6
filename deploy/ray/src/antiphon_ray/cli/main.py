"""The `antiphon-ray` command."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from antiphon_core.errors import AntiphonError, BadSettings

from antiphon_ray.head import head, offer_token, require_listener, require_token
from antiphon_ray.settings import FleetSettings, read_fleet
from antiphon_ray.worker import free_ports

_OF_THIS_MACHINE = (
    ("num-cpus", "N", "CPUs of this machine to use (else all)"),
    ("num-gpus", "N", "GPUs of this machine to use (else all)"),
    ("resources", "JSON", """what else this machine has, such as '{"piper": 4}'"""),
    ("temp-dir", "DIR", "where Ray keeps its logs and sockets (else /tmp/ray)"),
)
"""Flags that are the same as those of `ray start`."""
_EPILOG = "The file names the registry and the engines; see docs/ray.md."


def main(argv: Sequence[str] | None = None) -> int:
    """Mistakes are one line on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except AntiphonError as error:
        print(f"antiphon-ray: {error.message}", file=sys.stderr)
        return 2 if isinstance(error, BadSettings) else 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="antiphon-ray",
        description="Runs speech engines on one machine or many: Ray Serve places, restarts and scales their workers.",
        epilog=_EPILOG,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    up = actions.add_parser("up", help="run the engines until Ctrl-C", epilog=_EPILOG)
    up.add_argument("file", type=Path, metavar="FILE", help="YAML file that names the engines")
    up.add_argument("--address", default="", metavar="HOST:PORT", help="a Ray that runs already (else one is started)")
    up.add_argument("--host", default="", metavar="IP", help="this machine's address for others (else found out)")
    up.add_argument("--port", type=int, default=6379, help="where other machines join; 0 picks one (%(default)s)")
    for flag, form, what in _OF_THIS_MACHINE:
        up.add_argument(f"--{flag}", metavar=form, help=what)
    up.set_defaults(run=_up)
    config = actions.add_parser("config", help="write the engines as a configuration of Ray Serve", epilog=_EPILOG)
    config.add_argument("file", type=Path, metavar="FILE", help="YAML file that names the engines")
    config.set_defaults(run=_config)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    fleet = read_fleet(arguments.file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _joined(arguments.address) if arguments.address else _started(arguments) as address:
        # Ray reads its variables when it is imported.
        from antiphon_ray.cli import serving

        return serving.serve_until_interrupted(address, fleet)


@contextmanager
def _joined(address: str) -> Iterator[str]:
    """A Ray that runs. Whom it lets in was settled by who started it."""
    require_listener(address)
    offer_token()
    yield address


@contextmanager
def _started(arguments: argparse.Namespace) -> Iterator[str]:
    token = require_token()
    print("starting Ray", flush=True)
    host = arguments.host or _own_address()
    port = arguments.port or free_ports(host, 1)[0]
    with head(host, port, *_ray_flags(arguments)) as address:
        print(f"Ray runs; other machines join it by: ray start --address={address}  (docs/ray.md)", flush=True)
        if token is not None:
            print(f"only who has the token of {token} is let in", flush=True)
        yield address


def _ray_flags(arguments: argparse.Namespace) -> list[str]:
    given = {flag: getattr(arguments, flag.replace("-", "_")) for flag, _, _ in _OF_THIS_MACHINE}
    return [f"--{flag}={value}" for flag, value in given.items() if value is not None]


def _config(arguments: argparse.Namespace) -> int:
    print(yaml.safe_dump(serve_config(read_fleet(arguments.file)), sort_keys=False), end="")
    return 0


def serve_config(fleet: FleetSettings) -> dict[str, Any]:
    """What `serve deploy` takes, and KubeRay's `serveConfigV2`."""
    return {
        # KubeRay asks it whether Ray Serve lives.
        "proxy_location": "HeadOnly",
        "applications": [
            {
                "name": each.name,
                "import_path": "antiphon_ray.deployment:engine",
                "route_prefix": f"/{each.name}",
                "args": each.model_dump(mode="json", exclude_defaults=True),
            }
            for each in fleet.engines
        ],
    }


def _own_address() -> str:
    """The one from which other machines are reached; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


if __name__ == "__main__":
    sys.exit(main())
