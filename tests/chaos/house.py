"""All that is real: Redis, workers, an orchestrator, and lines between them that can be cut; and what strikes them."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from answers import APOLOGY
from antiphon_core.testkit.redis_server import RedisServer, free_port
from plan import ALWAYS_WELL, Kind, Strike

from tests.fleet.cuttable import Cuttable
from tests.fleet.workers import WorkerProcess

VOICE = "chaos"
STALL_S = 1.0
RECIPE = {"max_concurrency": 64, "options": {"rtf": "0.85", "chunk_ms": "60"}}
"""About as slow as speech, so that little is in stock when a worker fails; one worker can speak for everybody."""
WEDGED = (
    "--stall-s", str(STALL_S), "--option", "hang_at=middle", "--option", "hang_ms=3000", "--option", "rtf=0.2",
)  # fmt: skip
"""It hangs for three seconds at a time, so that the worker gets through its warm-up."""
_TELLS_S = 3.0
"""So soon everybody is announced in a Redis that is back, and read from it."""
_READY_S, _WEDGES_WITHIN_S, _ROOM_S = 60.0, 20.0, 60.0


@dataclass(slots=True)
class Struck:
    """What was done, and when by the wall clock. `until_s`: when all was well there again; 0: not yet."""

    strike: Strike
    began_s: float
    until_s: float = 0.0

    def __str__(self) -> str:
        until = f"well again after {self.until_s - self.began_s:.1f} s" if self.until_s else "not well again"
        return f"{time.strftime('%H:%M:%S', time.localtime(self.began_s))}  {self.strike}; {until}"


@dataclass
class House:
    """`well` are the numbers of the workers that nothing is the matter with, and that the orchestrator knows."""

    redis: RedisServer
    redis_line: Cuttable
    workers: list[WorkerProcess]
    lines: list[Cuttable]
    metrics: list[str]
    server: str
    server_pid: int
    log: Path
    struck: list[Struck] = field(default_factory=list)
    well: set[int] = field(default_factory=set)
    _told_from_s: float = 0.0
    """From then on who is started is known to the orchestrator: Redis has been well for a while."""

    async def suffer(self, strikes: list[Strike]) -> None:
        """Everything that is planned, at its time; returns once all is well again."""
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for strike in strikes:
                await asyncio.sleep(began_s + strike.at_s - time.monotonic())
                if not strike.kind.is_redis:
                    await self._room(strike.worker)
                tasks.create_task(self._strike(strike))

    async def all_die(self, for_s: float) -> None:
        """Every worker is killed at once."""
        strikes = [Strike(0.0, Kind.KILL, for_s, number) for number in range(len(self.workers))]
        await asyncio.gather(*(self._strike(strike) for strike in strikes))

    # ---------------------------------------------------------------------- helpers

    async def _room(self, worker: int) -> None:
        """Starting takes as long as it takes: enough others must really be there."""
        async with asyncio.timeout(_ROOM_S):
            while worker not in self.well or len(self.well) <= ALWAYS_WELL:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _strike(self, strike: Strike) -> None:
        struck = Struck(strike, time.time())
        self.struck.append(struck)
        if strike.kind.is_redis:
            self._told_from_s = math.inf
        self.well.discard(strike.worker)
        await (self._strike_redis(strike) if strike.kind.is_redis else self._strike_worker(strike))
        struck.until_s = time.time()
        if strike.kind.is_redis:
            self._told_from_s = time.monotonic() + _TELLS_S
            return
        while time.monotonic() < self._told_from_s:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self.well.add(strike.worker)

    async def _strike_worker(self, strike: Strike) -> None:
        worker, line = self.workers[strike.worker], self.lines[strike.worker]
        match strike.kind:
            case Kind.KILL:
                worker.send(signal.SIGKILL)
                await worker.ended()
                await asyncio.sleep(strike.for_s)
                await worker.start()
            case Kind.STOP:
                worker.send(signal.SIGSTOP)
                await asyncio.sleep(strike.for_s)
                worker.send(signal.SIGCONT)
            case Kind.CUT:
                line.cut()
                await asyncio.sleep(strike.for_s)
                line.mend()
            case Kind.END:
                await self._end(worker)
                await worker.start()
            case Kind.WEDGE:
                await self._end(worker)
                await worker.start(*WEDGED)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WEDGES_WITHIN_S):
                        await worker.ended()
                await worker.kill()
                await worker.start()

    async def _end(self, worker: WorkerProcess) -> None:
        worker.send(signal.SIGTERM)
        status = await worker.ended()
        assert status == 0, f"{worker.name} ended with {status} on SIGTERM"

    async def _strike_redis(self, strike: Strike) -> None:
        match strike.kind:
            case Kind.REDIS_KILL:
                self.redis.kill()
                await asyncio.sleep(strike.for_s)
                await asyncio.to_thread(self.redis.start)
            case Kind.REDIS_PAUSE:
                self.redis.pause()
                await asyncio.sleep(strike.for_s)
                self.redis.go_on()
            case _:
                self.redis_line.cut()
                await asyncio.sleep(strike.for_s)
                self.redis_line.mend()


@asynccontextmanager
async def house(folder: Path, count: int) -> AsyncIterator[House]:
    """Everything started; everything ended in the end. Logs are left in `folder`."""
    (folder / f"{VOICE}.tone.json").write_text(json.dumps(RECIPE), encoding="utf-8")
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder))
        redis_line = await stack.enter_async_context(Cuttable(redis.port).serving())
        there, lines, metrics = list[WorkerProcess](), list[Cuttable](), list[str]()
        for number in range(count):
            port, metrics_port = free_port(), free_port()
            line = await stack.enter_async_context(Cuttable(port).serving())
            worker = WorkerProcess(
                f"worker-{number}", redis.url, "--port", str(port), "--metrics-port", str(metrics_port),
                "--advertise", f"127.0.0.1:{line.port}", "--own-dir", str(folder), "--model", VOICE,
                log=folder / f"worker-{number}.log",
            )  # fmt: skip
            stack.push_async_callback(worker.kill)
            there.append(worker)
            lines.append(line)
            metrics.append(f"http://127.0.0.1:{metrics_port}/metrics")
        await asyncio.gather(*(worker.start() for worker in there))
        log = folder / "server.log"
        process = await stack.enter_async_context(_server(f"redis://127.0.0.1:{redis_line.port}", log))
        address = await _address(process)
        yield House(redis, redis_line, there, lines, metrics, address, process.pid, log, well=set(range(count)))


@asynccontextmanager
async def _server(registry: str, log: Path) -> AsyncIterator[Process]:
    command = (
        sys.executable, str(Path(__file__).with_name("server.py")), "--port", "0", "--registry", registry,
        "--mind", "echo", "--voice", VOICE, "--speechless-apology", APOLOGY, "--log-format", "json",
    )  # fmt: skip
    with log.open("wb") as out:
        process = await create_subprocess_exec(*command, stdout=PIPE, stderr=out)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(20.0):
                    status = await process.wait()
            except TimeoutError:
                process.kill()
                raise RuntimeError("the orchestrator did not end within 20 s of SIGTERM") from None
            if status:
                print(f"the orchestrator ended with {status}")


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_READY_S):
        async for line in process.stdout:
            said = line.decode().split()
            if said[1:2] == ["ready"]:
                return said[-1]
    raise RuntimeError("the orchestrator ended before it was ready; its log is server.log")
