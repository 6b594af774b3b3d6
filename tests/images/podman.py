"""Podman with a storage of its own: tests neither use nor leave anything of this machine's images."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("podman", "runc", "netavark", "aardvark-dns")
HOW = "images are built and run by podman: apt install podman runc netavark aardvark-dns"
_PROCESSES = 4_096
_NETWORK_HELPERS = Path("/usr/lib/podman")


def missing() -> list[str]:
    """What of podman is not on this machine."""
    return [name for name in NEEDED if not (shutil.which(name) or (_NETWORK_HELPERS / name).exists())]


@dataclass(frozen=True)
class Podman:
    """Runs commands; raises with their output if they fail."""

    variables: dict[str, str]

    @classmethod
    def stored_in(cls, folder: Path) -> Podman:
        """Everything it keeps is in that folder."""
        storage = f'[storage]\ndriver = ""\ngraphroot = "{folder / "storage"}"\nrunroot = "{folder / "run"}"\n'
        (folder / "storage.conf").write_text(storage, encoding="utf-8")
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Podman asks for more than a small virtual machine may give; runc also knows its older control groups.
        limits = f'default_ulimits = ["nofile={files}:{files}", "nproc={_PROCESSES}:{_PROCESSES}"]'
        engine = '[engine]\nruntime = "runc"\nevents_logger = "file"'
        (folder / "containers.conf").write_text(f"[containers]\n{limits}\n{engine}\n", encoding="utf-8")
        settings = {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            # The other format has no health checks.
            "BUILDAH_FORMAT": "docker",
        }
        return cls({**os.environ, **settings})

    def __call__(self, *arguments: str | Path, timeout_s: float = 60.0, stdin: str = "") -> str:
        return self.run("podman", *arguments, timeout_s=timeout_s, stdin=stdin)

    def run(self, *command: str | Path, timeout_s: float = 60.0, stdin: str = "") -> str:
        """What any command said that finds this podman."""
        done = subprocess.run(
            command, env=self.variables, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if done.returncode:
            line = " ".join(map(str, command))
            raise AssertionError(f"{line} ended with {done.returncode}:\n{done.stdout[-4_000:]}{done.stderr[-4_000:]}")
        return done.stdout

    def succeeds(self, *arguments: str, timeout_s: float = 60.0) -> bool:
        """Whether a command ends with status 0 in time."""
        try:
            self(*arguments, timeout_s=timeout_s)
        except (AssertionError, subprocess.TimeoutExpired):
            return False
        return True

    def inside(self, image: str, script: str) -> str:
        """What a shell in a container of the image says, as its user and with nothing writable."""
        locked = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--network=none")
        return self("run", "--rm", *locked, "--entrypoint", "sh", image, "-c", script, timeout_s=180.0)
