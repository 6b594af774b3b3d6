"""Engines on a Ray that somebody else started, as a user would: it is used, and left as it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_orchestrator.testing.server import eventually
from process import START_S, UNHURRIED_LISTENER, head, up

from tests.fleet.listener import WORDS, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def test_engines_outlive_an_up_that_is_killed_and_end_with_the_next(tmp_path: Path) -> None:
    with head() as ray, RedisServer(tmp_path) as redis:
        content = {"registry": redis.url, "engines": {"tone": {"cpus": 0.1}}}
        with up(content, "--address", ray) as first:
            first.wait_for("tone: 1 running")
            first.end(signal.SIGKILL)
        async with listening(redis.url, 1, UNHURRIED_LISTENER) as listener:
            assert (await listener.hear()).words == WORDS
            with up(content, "--address", ray) as second:
                second.wait_for("tone: 1 running")
                assert (await listener.hear()).words == WORDS
                assert second.end(signal.SIGTERM) == 0
            await eventually(lambda: not listener.names(), START_S)
