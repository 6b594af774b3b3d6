"""What TLS between server and worker costs: two workers of the same engine, with and without, take turns.

python tests/bench/tls.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import psutil
from antiphon_core.audio import Frame
from antiphon_core.tls import Certificates, TlsFiles
from antiphon_core.wire.dialer import PLAIN, Dialer
from antiphon_core.wire.workers import WorkerClient
from antiphon_orchestrator.cli import tls
from worker import LONG_TEXT, TEXT, Worker, cpu_s, first_frame_ms, opened


@dataclass
class Side:
    """One of the two workers, and what was measured of it."""

    dialer: Dialer
    worker: Worker
    dial_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    wall_us: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)
    client_us: list[float] = field(default_factory=list)

    async def round(self) -> None:
        began_s = time.perf_counter()
        async with self.dialer.dial(self.worker.address) as channel:
            await WorkerClient(channel).describe()
            self.dial_ms.append((time.perf_counter() - began_s) * 1000)
            self.first_ms.append(await first_frame_ms(channel, TEXT))
            await self._read(channel)

    async def _read(self, channel: grpc.aio.Channel) -> None:
        """Frames as fast as they come; the engine's work is in the worker's time, in both alike."""
        me = psutil.Process()
        before, client_s, began_s = cpu_s(self.worker.stats), cpu_s(me), time.perf_counter()
        call, frames = await opened(channel, LONG_TEXT), 0
        while (event := await call.receive()) is not None:
            frames += isinstance(event, Frame)
        self.wall_us.append((time.perf_counter() - began_s) / frames * 1e6)
        self.worker_us.append((cpu_s(self.worker.stats) - before) / frames * 1e6)
        self.client_us.append((cpu_s(me) - client_s) / frames * 1e6)


async def main(rounds: int) -> None:
    print(
        f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, grpcio {grpc.__version__}"
    )
    print(f"load average before: {os.getloadavg()[0]:.1f}, {rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            tls.main(["make", folder])
        shown, mine = Path(folder, "worker"), Path(folder, "orchestrator")
        flags = ("--tls-cert", shown / "tls.crt", "--tls-key", shown / "tls.key", "--tls-client-ca", shown / "ca.crt")
        files = TlsFiles(mine / "ca.crt", mine / "tls.crt", mine / "tls.key")
        dialer = Dialer(Certificates(files), tls.WORKER_NAME)
        plain, private = Side(PLAIN, Worker("tone")), Side(dialer, Worker("tone", *map(str, flags)))
        try:
            for number in range(rounds + 2):
                for side in (plain, private):
                    await side.round()
                if number == 1:  # both are warm
                    plain, private = Side(plain.dialer, plain.worker), Side(private.dialer, private.worker)
        finally:
            plain.worker.end()
            private.worker.end()
    show(plain, private)


def show(plain: Side, private: Side) -> None:
    for what, without, with_tls, unit in (
        ("a connection, to the first answer", plain.dial_ms, private.dial_ms, "ms"),
        ("first audio on an open connection", plain.first_ms, private.first_ms, "ms"),
        ("a frame, from one to the next, nobody waiting", plain.wall_us, private.wall_us, "us"),
        ("... the worker's processor time", plain.worker_us, private.worker_us, "us"),
        ("... the client's processor time", plain.client_us, private.client_us, "us"),
    ):
        one, other = np.median(without), np.median(with_tls)
        print(f"{what:<50} without {one:8.2f} {unit}   TLS {other:8.2f} {unit}   more {other - one:+8.2f} {unit}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
