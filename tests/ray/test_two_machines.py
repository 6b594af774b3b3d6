"""Workers on two machines: one of them is cut off in mid-utterance, and joins again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.testing.server import eventually
from antiphon_ray.head import QUICK_TO_NOTICE
from crowd import AS_SLOW_AS_SPEECH
from machines import machines
from process import joined, up

from tests.fleet.listener import WORDS, Listener, Told, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PORT = 6390


def engines(registry: str) -> dict[str, object]:
    """Each takes a whole CPU, so that each machine has room for one."""
    tone = {"min_replicas": 2, "cpus": 1}
    return {"registry": registry, "engines": {"tone": tone}}


def machine_of(listener: Listener, address: str) -> str | None:
    """The worker on that machine."""
    there = [record.address for record in listener.fleet.workers() if record.address.startswith(f"{address}:")]
    return there[0] if there else None


async def hear_from(listener: Listener, worker: str) -> Told:
    listener.prefer(worker)
    return await listener.hear()


async def test_a_machine_is_cut_off_in_mid_utterance_and_every_word_is_heard_once(tmp_path: Path) -> None:
    with (
        machines(2) as (here, (first, second)),
        RedisServer(tmp_path, f"bind 127.0.0.1 {here}", "protected-mode no") as redis,
    ):
        registry = f"redis://{here}:{redis.port}"
        flags = ("--host", first.address, "--port", str(PORT), "--num-cpus", "1")
        with up(engines(registry), *flags, on=first.here(), variables=QUICK_TO_NOTICE) as head:
            head.wait_for("other machines join")
            ray = f"{first.address}:{PORT}"
            with joined(ray, second.address, 1, second.here()):
                head.wait_for("tone: 2 running")
                async with listening(registry, 2) as listener:
                    far = machine_of(listener, second.address)
                    assert far is not None
                    listener.prefer(far)
                    hearing = asyncio.create_task(listener.hear(options=AS_SLOW_AS_SPEECH))
                    await eventually(lambda: listener.speaking == far and listener.heard_ms > 1_500, 20.0)
                    second.cut()
                    told = await hearing
                    assert told.failure is None
                    assert told.words == WORDS
                    assert told.failovers == 1
                    await eventually(lambda: machine_of(listener, second.address) is None, 20.0)
                    assert (await listener.hear()).words == WORDS
                second.mend()
            with joined(ray, second.address, 1, second.here()):
                head.wait_for("tone: 2 running", times=2)
                async with listening(registry, 2) as listener:
                    again = machine_of(listener, second.address)
                    assert again is not None
                    assert (await hear_from(listener, again)).words == WORDS
            assert head.end() == 0
