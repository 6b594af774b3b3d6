"""Starts llama.cpp's server beside this process, on a socket that nobody else can reach, and ends it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from antiphon_core.errors import CannotLoad

from antiphon_orchestrator.llm import llama_process

_END_S = 2.0
_LOG_CHARACTERS = 500

_PATIENT_THREADS = {"GOMP_SPINCOUNT": "300"}
"""Threads that wait for each other by spinning take the core from the one they wait for: where ears and voice work
too, an answer then takes many times as long. Those that sleep at once take twice as long on an idle machine. So many
turns, some ten microseconds, are longer than most waits and shorter than a thread's turn on a busy core."""


class LlamaServer:
    """One model. `start` blocks until it is loaded and warm, and may be called again if the process has died.

    `first_messages` is what most conversations begin with.
    """

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        slots: int,
        context_tokens: int,
        first_messages: Sequence[Mapping[str, object]] = (),
        start_s: float = 60.0,
    ) -> None:
        self._model = model
        self._start_s = start_s
        self._folder = tempfile.TemporaryDirectory(prefix="antiphon-mind-")
        self._log = Path(self._folder.name, "log")
        self.socket = str(Path(self._folder.name, "mind.sock"))
        options = {
            "model": str(model),
            "socket": self.socket,
            "threads": threads,
            "slots": slots,
            "context_tokens": context_tokens,
            "first_messages": first_messages,
        }
        self._command = [sys.executable, "-m", llama_process.__name__, json.dumps(options)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that was started last; 0: none was."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Raises CannotLoad with the reason."""
        self._end()
        Path(self.socket).unlink(missing_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **_PATIENT_THREADS},
                # What a terminal sends to end its jobs is for the parent, who ends this one in its own time.
                start_new_session=True,
            )
        if problem := self._problem(self._process):
            self._end()
            raise CannotLoad(f"the language model {self._model} cannot be loaded: {problem}", subject=str(self._model))

    def close(self) -> None:
        self._end()
        self._folder.cleanup()

    def _problem(self, process: subprocess.Popen[bytes]) -> str:
        """Why the process does not get ready; "" once it is."""
        assert process.stdout is not None
        with process.stdout as output:
            readable, _, _ = select.select([output], [], [], self._start_s)
            if not readable:
                return f"it was not ready within {self._start_s:g} s"
            if output.readline().decode().strip() == llama_process.READY:
                return ""
        return " ".join(self._log.read_text(errors="replace")[:_LOG_CHARACTERS].split())

    def _end(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
