"""Two machines on one: network namespaces on a bridge, and a cable that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Machine:
    """One namespace. `address` is reached from the others, and from here."""

    name: str
    address: str
    cable: str

    def here(self, *command: str) -> list[str]:
        """The command as it is run on that machine."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        _ip("link", "set", self.cable, "up")


@contextmanager
def machines(number: int) -> Iterator[tuple[str, list[Machine]]]:
    """The address of this one, and the others."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces take root and the command ip (apt-get install iproute2)")
    bridge, net = f"ant{os.getpid()}"[:12], f"10.213.{os.getpid() % 250 + 1}"
    there = [Machine(f"{bridge}-{n}", f"{net}.{n + 2}", f"{bridge}{n}") for n in range(number)]
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{net}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for machine in there:
            _plug(machine, bridge)
        yield f"{net}.1", there
    finally:
        for machine in there:
            subprocess.run(["ip", "netns", "delete", machine.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", bridge], check=False, capture_output=True)


def _plug(machine: Machine, bridge: str) -> None:
    _ip("netns", "add", machine.name)
    _ip("link", "add", machine.cable, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
    _ip("link", "set", machine.cable, "master", bridge, "up")
    _ip("-n", machine.name, "address", "add", f"{machine.address}/24", "dev", "eth0")
    _ip("-n", machine.name, "link", "set", "eth0", "up")
    _ip("-n", machine.name, "link", "set", "lo", "up")


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
