"""Redis paused, cut off, failed over and in a cluster: the last known fleet stays, and everything heals by itself."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from antiphon_core.testkit.redis_server import RedisServer, free_port
from cuttable import Cuttable
from redis import Redis
from registry_party import party, sees_all, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

WORKERS = {"a", "b", "c"}


async def test_a_paused_redis_costs_nobody(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with party(redis.url, *WORKERS) as here:
            redis.pause()
            await asyncio.sleep(6.0)
            assert here.complete
            redis.go_on()
            await sees_all(redis.url, WORKERS)
            await asyncio.sleep(4.0)
            assert here.complete
            assert not here.lost


async def test_a_cut_line_costs_nobody(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with Cuttable(redis.port).serving() as line, party(f"redis://127.0.0.1:{line.port}", *WORKERS) as here:
            line.cut()
            await asyncio.sleep(6.0)
            assert here.complete
            line.mend()
            await sees_all(redis.url, WORKERS)
            await asyncio.sleep(4.0)
            assert here.complete
            assert not here.lost


async def test_a_watcher_that_was_cut_off_alone_learns_what_it_missed(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with (
            Cuttable(redis.port).serving() as line,
            party(redis.url, "a"),
            party(f"redis://127.0.0.1:{line.port}") as there,
        ):
            await until(lambda: there.names() == {"a"})
            line.cut()
            async with party(redis.url, "b"):
                await asyncio.sleep(2.0)
                assert there.names() == {"a"}
                line.mend()
                await until(lambda: there.names() == {"a", "b"})


async def test_sentinel_names_another_master_and_everybody_follows(tmp_path: Path) -> None:
    with sentinel(tmp_path) as (url, master):
        async with party(url, *WORKERS) as here:
            master.kill()
            await asyncio.sleep(1.0)
            assert here.complete
            await sees_all(url, WORKERS, 40.0)
            await asyncio.sleep(4.0)
            assert here.complete
            assert not here.lost


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    context, certificate = self_signed(tmp_path)
    with RedisServer(tmp_path, "requirepass secret") as redis:
        async with Cuttable(redis.port).serving(context) as line:
            url = f"rediss://:secret@localhost:{line.port}"
            async with party(f"{url}?ca={certificate}", *WORKERS):
                await sees_all(f"{url}?ca={certificate}", WORKERS)
                with pytest.raises(TimeoutError):
                    await sees_all(url, WORKERS, 2.0)


async def test_a_cluster_serves(tmp_path: Path) -> None:
    lines = ("cluster-enabled yes", "cluster-config-file nodes.conf", f"cluster-port {free_port()}")
    with RedisServer(tmp_path, *lines) as redis:
        with Redis(port=redis.port) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            await until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
        url = f"redis+cluster://127.0.0.1:{redis.port}"
        async with party(url, *WORKERS) as here:
            await sees_all(url, WORKERS)
            redis.kill()
            await asyncio.sleep(1.0)
            assert here.complete
            redis.start()
            await sees_all(url, WORKERS)
            assert not here.lost


@contextmanager
def sentinel(folder: Path) -> Iterator[tuple[str, RedisServer]]:
    """A master, a replica, and one Sentinel that decides alone."""
    with ExitStack() as stack:
        master = stack.enter_context(RedisServer(folder))
        stack.enter_context(RedisServer(folder, f"replicaof 127.0.0.1 {master.port}"))
        watcher = stack.enter_context(
            RedisServer(
                folder,
                f"sentinel monitor mymaster 127.0.0.1 {master.port} 1",
                "sentinel down-after-milliseconds mymaster 1000",
                "sentinel failover-timeout mymaster 5000",
                sentinel=True,
            )
        )
        with Redis(port=watcher.port) as client:
            while not client.execute_command("SENTINEL", "REPLICAS", "mymaster"):
                pass
        yield f"redis+sentinel://127.0.0.1:{watcher.port}/mymaster", master


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS, and the authority that its callers need."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context, certificate
