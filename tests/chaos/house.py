"""All that is real: Redis, workers, two servers, and lines between them that can be cut; and what strikes them."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from answers import APOLOGY
from antiphon_core.testkit.redis_server import RedisServer, free_port
from orchestrators import DRAIN_S, Orchestrator
from plan import ALWAYS_WELL, SERVERS, Kind, Strike

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
_WEDGES_WITHIN_S, _ROOM_S = 20.0, 120.0


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
    """`well` are the targets that nothing is the matter with; workers among them are known to the servers."""

    redis: RedisServer
    redis_line: Cuttable
    workers: list[WorkerProcess]
    lines: list[Cuttable]
    metrics: list[str]
    servers: list[Orchestrator]
    struck: list[Struck] = field(default_factory=list)
    well: set[int] = field(default_factory=set)
    _told_from_s: float = 0.0
    """From then on who is started is known to the servers: Redis has been well for a while."""

    async def suffer(self, strikes: list[Strike], seconds: float) -> None:
        """What is planned, at its time or as soon as others are well; what comes to lie behind the end is left out.

        Returns once all is well again.
        """
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for strike in strikes:
                await asyncio.sleep(began_s + strike.at_s - time.monotonic())
                await self._room(strike)
                if time.monotonic() - began_s > seconds:
                    break
                tasks.create_task(self._strike(strike))

    async def all_die(self, for_s: float) -> None:
        """Every worker is killed at once."""
        strikes = [Strike(0.0, Kind.KILL, for_s, number) for number in range(len(self.workers))]
        await asyncio.gather(*(self._strike(strike) for strike in strikes))

    # ---------------------------------------------------------------------- helpers

    async def _room(self, strike: Strike) -> None:
        """Starting takes as long as it takes: enough others must really be there."""
        async with asyncio.timeout(_ROOM_S):
            while not self._has_room(strike):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _has_room(self, strike: Strike) -> bool:
        if strike.kind.is_worker:
            return strike.target in self.well and sum(target >= 0 for target in self.well) > ALWAYS_WELL
        return self.well.issuperset(SERVERS) and time.monotonic() >= self._told_from_s

    async def _strike(self, strike: Strike) -> None:
        struck = Struck(strike, time.time())
        self.struck.append(struck)
        if strike.kind.is_redis:
            self._told_from_s = math.inf
            await self._strike_redis(strike)
            self._told_from_s = time.monotonic() + _TELLS_S
            struck.until_s = time.time()
            return
        self.well.discard(strike.target)
        await (self._strike_worker(strike) if strike.kind.is_worker else self._replace(strike))
        struck.until_s = time.time()
        while time.monotonic() < self._told_from_s:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self.well.add(strike.target)

    async def _replace(self, strike: Strike) -> None:
        server = self.servers[SERVERS.index(strike.target)]
        await server.end()
        await server.start()

    async def _strike_worker(self, strike: Strike) -> None:
        worker, line = self.workers[strike.target], self.lines[strike.target]
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
        keep = stack.enter_context(RedisServer(folder))
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
        flags = (
            "--registry", f"redis://127.0.0.1:{redis_line.port}", "--mind", "echo", "--voice", VOICE,
            "--speechless-apology", APOLOGY, "--keep", keep.url, "--resume-s", "300", "--drain-s", str(DRAIN_S),
        )  # fmt: skip
        servers = [Orchestrator(f"server-{n}", folder / f"server-{n}.log", *flags) for n in range(len(SERVERS))]
        for server in servers:
            stack.push_async_callback(server.kill)
        await asyncio.gather(*(server.start() for server in servers))
        yield House(redis, redis_line, there, lines, metrics, servers, well={*SERVERS, *range(count)})
        await asyncio.gather(*(server.end() for server in servers))
