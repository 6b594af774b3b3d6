"""Thirty conversations while workers, Redis and the lines to them are killed, stopped and cut: `python tests/chaos`.

The same `--seed` is the same plan. Callers speak to two real servers over WebSockets and hear the echo of what they
said; each word is told by ear. Afterwards nobody may have been lost, no word lost or doubled, nothing leaked. Logs are
left in out/chaos.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from antiphon_core.logs import set_up_logs
from house import House, house
from levels import leaks_that_stay, levels
from plan import plan
from report import Findings, report
from talker import Talker, talker

WORKERS = 5
BEFORE_S, NOBODY_S = 6.0, 6.0
"""In the end no worker is there for so long, and nothing happens for so long before."""
KNOWN_S = 1.0
"""A worker that is ready is known to the servers so soon."""
STILL_S = 0.7
REST_S = 210.0
"""Everything but the storm takes so long at most: starting, ending, and what is heard in peace."""
OUT = Path("out/chaos")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="(default: any)")
    parser.add_argument("--minutes", type=float, default=2.5, help="how long it storms (default: 2.5)")
    parser.add_argument("--talkers", type=int, default=30, help="conversations at once (default: 30)")
    arguments = parser.parse_args()
    set_up_logs("error", "console")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    folder = (OUT / f"seed-{arguments.seed}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"seed {arguments.seed}; logs in {folder}", flush=True)
    limit_s = arguments.minutes * 60 + REST_S
    try:
        findings = asyncio.run(
            within(limit_s, endure(folder, arguments.seed, arguments.minutes * 60, arguments.talkers))
        )
    except TimeoutError:
        traceback.print_exc()
        print(
            f"\nFAULT something took too long (all of it may take {limit_s:.0f} s): it hangs, or this machine is too "
            f"slow; what was done, and by whom, is in the logs in {folder}"
        )
        return 1
    return report(findings, folder)


async def within(limit_s: float, work: Coroutine[None, None, Findings]) -> Findings:
    """Raises TimeoutError, with everything ended."""
    async with asyncio.timeout(limit_s):
        return await work


async def endure(folder: Path, seed: int, seconds: float, talkers: int) -> Findings:
    """Calm, storm, nobody there, calm again."""
    strikes = plan(seed, seconds, WORKERS)
    (folder / "plan.txt").write_text("".join(f"{strike}\n" for strike in strikes), encoding="utf-8")
    async with watching_the_clock() as stood_still, house(folder, WORKERS) as here:
        async with calling_all(here, seed, talkers) as calm:
            await rounds(calm)
        await asyncio.sleep(1.0)
        before = await levels(here)
        async with calling_all(here, seed, talkers) as stormy:
            await while_all_talk(stormy, here.suffer(strikes, seconds))
            await while_all_talk(stormy, die(here))
            await rounds(stormy)
        died = here.struck[-WORKERS:]
        nobody = min(struck.began_s for struck in died), max(struck.until_s for struck in died) + KNOWN_S
        leaks, after = await leaks_that_stay(here, before)
        logs = [server.log for server in here.servers]
    return Findings(seed, calm, stormy, here.struck, nobody, leaks, before, after, logs, stood_still)


@asynccontextmanager
async def watching_the_clock() -> AsyncIterator[list[tuple[float, float]]]:
    """Each time that nothing here ran for a second: where the machine stands still, everybody falls silent."""
    stood_still: list[tuple[float, float]] = []

    async def watch() -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(0.1)
            if (late_s := time.monotonic() - before_s) > STILL_S:
                stood_still.append((time.time() - late_s, late_s))

    watching = asyncio.create_task(watch())
    try:
        yield stood_still
    finally:
        watching.cancel()


@asynccontextmanager
async def calling_all(here: House, seed: int, number: int) -> AsyncIterator[list[Talker]]:
    """So many calls at once."""
    urls = [server.url for server in here.servers]
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(talker(urls, seed, place)) for place in range(number)]


async def while_all_talk(everybody: Sequence[Talker], happens: Coroutine[None, None, None]) -> None:
    """Everybody talks until it is over, and is answered whatever was asked last."""
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for one in everybody:
            tasks.create_task(one.talk(over.is_set))
        await happens
        over.set()


async def rounds(everybody: Sequence[Talker]) -> None:
    """Everybody asks once, and is answered in peace."""
    await asyncio.gather(*(one.talk(lambda: True, calmly=True) for one in everybody))


async def die(here: House) -> None:
    """In the middle of what is said, all workers are gone for a while."""
    await asyncio.sleep(BEFORE_S)
    await here.all_die(NOBODY_S)


if __name__ == "__main__":
    sys.exit(main())
