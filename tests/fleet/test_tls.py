"""A fleet over TLS: real workers, found in Redis; the whole trust changes while somebody listens."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.testkit.redis_server import RedisServer
from antiphon_core.tls import Certificates, TlsFiles
from antiphon_core.wire.dialer import Dialer
from antiphon_orchestrator.cli import tls
from cuttable import Cuttable
from listener import WORDS, listening
from registry_party import party, sees_all, until
from workers import workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WORKERS = {"a", "b"}
AS_SLOW_AS_SPEECH = ("--option", "rtf=0.9")


def shown_by_workers(folder: Path) -> tuple[str, ...]:
    own = folder / "worker"
    flags = {"--tls-cert": "tls.crt", "--tls-key": "tls.key", "--tls-client-ca": "ca.crt"}
    return tuple(part for flag, name in flags.items() for part in (flag, str(own / name)))


def files_of(folder: Path, owner: str) -> TlsFiles:
    return TlsFiles(folder / owner / "ca.crt", folder / owner / "tls.crt", folder / owner / "tls.key")


def dialer_of(folder: Path) -> Dialer:
    return Dialer(Certificates(files_of(folder, "orchestrator")), tls.WORKER_NAME)


def make_anew(folder: Path) -> None:
    """By another authority, which nobody trusted before."""
    for name in ("ca.crt", "ca.key"):
        (folder / name).unlink(missing_ok=True)
    tls.main(["make", str(folder)])


async def test_authority_and_certificates_change_while_somebody_listens(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    make_anew(folder)
    with RedisServer(tmp_path) as redis:
        async with (
            workers(redis.url, 2, *AS_SLOW_AS_SPEECH, *shown_by_workers(folder)) as _,
            listening(redis.url, 2, dialer=dialer_of(folder)) as listener,
        ):
            assert all(record.tls for record in listener.fleet.workers())
            hearing = asyncio.create_task(listener.hear())
            await until(lambda: listener.speaking and listener.heard_ms > 1_500)
            folder.rename(tmp_path / "old")
            make_anew(folder)
            for told in (await hearing, await listener.hear()):
                assert told.failure is None
                assert (told.words, told.failovers) == (WORDS, 0)
            async with listening(redis.url, 2, dialer=dialer_of(tmp_path / "old")) as left_behind:
                assert (await left_behind.hear()).words == []


async def test_a_worker_without_tls_in_such_a_fleet_is_not_asked_for_anything(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    make_anew(folder)
    with RedisServer(tmp_path) as redis:
        async with (
            workers(redis.url, 1, *shown_by_workers(folder)) as (private,),
            workers(redis.url, 1) as (plain,),
            listening(redis.url, 1, dialer=dialer_of(folder)) as listener,
        ):
            told = await listener.hear()
            assert (told.words, told.failovers) == (WORDS, 0)
            assert listener.names() == {private.name}
            assert plain.name not in listener.names()


async def test_redis_asks_for_a_certificate_and_is_shown_one(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    make_anew(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "public" / "tls.crt", folder / "public" / "tls.key")
    context.verify_mode = ssl.CERT_REQUIRED
    mine = files_of(folder, "orchestrator")
    with RedisServer(tmp_path) as redis:
        async with Cuttable(redis.port).serving(context) as line:
            url = f"rediss://localhost:{line.port}?ca={mine.ca}"
            async with party(f"{url}&cert={mine.cert}&key={mine.key}", *WORKERS):
                await sees_all(f"{url}&cert={mine.cert}&key={mine.key}", WORKERS)
                with pytest.raises(TimeoutError):
                    await sees_all(url, WORKERS, 2.0)
    with pytest.raises(BadSettings, match="there is no file"):
        async with party(f"{url}&cert=/none.pem", *WORKERS):
            pass
