"""Mutual TLS: a worker speaks to whom it trusts, a caller to the worker it trusts, and to others not a byte of text."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from antiphon_core import expiry
from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError, Untrusted, WorkerGone
from antiphon_core.registry.urls import fleet_for
from antiphon_core.tls import Certificates, TlsFiles
from antiphon_core.utterance import Reason, Start, Text
from antiphon_core.wire.dialer import PLAIN, Dialer
from antiphon_core.wire.workers import WorkerClient
from antiphon_core.worker import health, server
from antiphon_core.worker import say as say_command
from antiphon_core.worker.app import App
from certificates import Authority
from structlog.testing import capture_logs
from worker.integration.serving import Heard, hear, say, send, serving


def dialer(files: TlsFiles, name: str = "") -> Dialer:
    return Dialer(Certificates(files), name)


@asynccontextmanager
async def private(models: Path, files: TlsFiles, **flags: object) -> AsyncIterator[App]:
    tls = {"tls_cert": files.cert, "tls_key": files.key, "tls_client_ca": files.ca}
    async with serving(models / "models", **tls, **flags) as app:
        yield app


def do_not_look_at_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """For somebody whose certificate expires while it runs."""
    monkeypatch.setattr(expiry, "wall_s", lambda: 0.0)


async def speak(by: Dialer, address: str) -> Heard:
    async with by.dial(address) as channel:
        return await say(channel, "one two")


async def test_who_trust_each_other_speak(installed: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with private(tmp_path, authority.issue("worker")) as app:
        heard = await speak(dialer(authority.issue("server")), app.address)
    assert heard.finished.reason is Reason.COMPLETE


async def test_a_name_that_is_agreed_on_stands_for_any_address(installed: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with private(tmp_path, authority.issue("worker", "antiphon-worker")) as app:
        files = authority.issue("server")
        assert (await speak(dialer(files, "antiphon-worker"), app.address)).finished.reason is Reason.COMPLETE
        with pytest.raises(Untrusted, match=OTHER_NAME):
            await speak(dialer(files), app.address)


Strange = Callable[[Authority, Authority], Dialer]

OTHER_NAME = "Hostname Verification|not in peer certificate"
NO_REASON = "CERTIFICATE_VERIFY_FAILED$"
"""All that an older gRPC, such as 1.66, says of a certificate."""


@pytest.mark.parametrize(
    "caller",
    [
        pytest.param(lambda known, _: PLAIN, id="without TLS"),
        pytest.param(lambda known, other: dialer(other.issue("caller", trusts=known.path)), id="of another authority"),
        pytest.param(lambda known, _: dialer(known.issue("caller", expired=True)), id="expired"),
    ],
)
async def test_a_caller_that_the_worker_does_not_trust_is_refused(
    installed: Path, tmp_path: Path, caller: Strange, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_not_look_at_dates(monkeypatch)
    known, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with private(tmp_path, known.issue("worker")) as app:
        with capture_logs() as logs, pytest.raises(WorkerGone):
            await speak(caller(known, other), app.address)
        assert not [line for line in logs if line["event"] == "utterance"]


async def test_a_caller_that_shows_no_certificate_is_refused(installed: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with private(tmp_path, authority.issue("worker")) as app:
        credentials = grpc.ssl_channel_credentials(authority.path.read_bytes())
        async with grpc.aio.secure_channel(app.address, credentials) as channel:
            with pytest.raises(WorkerGone):
                await say(channel, "one two")


@pytest.mark.parametrize(
    ("worker", "says"),
    [
        pytest.param(lambda known, other: other.issue("worker", trusts=known.path), "local issuer", id="another's"),
        pytest.param(lambda known, _: known.issue("worker", expired=True), "expired", id="expired"),
        pytest.param(lambda known, _: known.issue("worker", "elsewhere.test"), OTHER_NAME, id="wrong name"),
    ],
)
async def test_a_worker_that_the_caller_does_not_trust_gets_no_text(
    installed: Path,
    tmp_path: Path,
    worker: Callable[[Authority, Authority], TlsFiles],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    do_not_look_at_dates(monkeypatch)
    known, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with private(tmp_path, worker(known, other)) as app:
        with capture_logs() as logs, pytest.raises(Untrusted, match=f"{says}|{NO_REASON}"):
            await speak(dialer(known.issue("server")), app.address)
        assert not [line for line in logs if line["event"] == "utterance"]


async def test_not_a_byte_of_text_is_sent_to_a_worker_without_tls(tmp_path: Path) -> None:
    came = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PRI * HTTP/2.0\r\n\r\n")
        while data := await reader.read(1_024):
            came.extend(data)
        writer.close()

    listening = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        with pytest.raises(Untrusted):
            await speak(dialer(Authority(tmp_path).issue("server")), f"127.0.0.1:{port}")
    assert came
    assert b"one" not in came


async def test_certificates_change_in_mid_utterance_and_an_authority_that_is_gone_is_trusted_no_more(
    installed: Path, tmp_path: Path
) -> None:
    first = Authority(tmp_path)
    async with private(tmp_path, first.issue("worker")) as app:
        following = dialer(first.issue("server"))
        async with following.dial(app.address) as channel:
            call = await send(channel, Start(), Text("one two. T"))
            while not isinstance(await call.receive(), Frame):
                pass
            old = first.issue("left-behind")
            second = Authority(tmp_path)
            second.issue("worker"), second.issue("server")
            assert (await speak(following, app.address)).finished.reason is Reason.COMPLETE
            with pytest.raises(WorkerGone):
                await speak(dialer(replace(old, ca=second.path)), app.address)
            await call.send(Text("hree.", last=True))
            await call.end()
            assert (await hear(call)).finished.reason is Reason.COMPLETE


async def test_a_connection_is_renewed_so_that_nobody_stays_trusted_for_ever(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TRUST_S", 0.3)
    authority = Authority(tmp_path)
    async with (
        private(tmp_path, authority.issue("worker")) as app,
        dialer(authority.issue("server")).dial(app.address) as channel,
    ):
        await say(channel, "one")
        Authority(tmp_path).issue("worker")
        with pytest.raises(WorkerGone):
            await until_refused(channel)


async def until_refused(channel: grpc.aio.Channel) -> None:
    while True:
        await say(channel, "one")
        await asyncio.sleep(0.05)


async def test_a_fleet_by_addresses_is_asked_over_tls_and_follows_new_certificates(
    installed: Path, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with private(tmp_path, authority.issue("worker")) as app:
        fleet = fleet_for(f"static://{app.address}", dialer(authority.issue("server")))
        changed = asyncio.Event()
        fleet.subscribe(changed.set)
        following = asyncio.create_task(fleet.run())
        await asyncio.wait_for(changed.wait(), 10)
        assert [(record.description.worker, record.tls) for record in fleet.workers()] == [("w1", True)]
        authority = Authority(tmp_path)
        authority.issue("worker"), authority.issue("server")
        await asyncio.sleep(2.5)
        assert [record.description.worker for record in fleet.workers()] == ["w1"]
        following.cancel()
        await asyncio.wait({following})


async def test_health_is_told_without_tls_at_a_port_of_its_own_and_nothing_else_is(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with private(tmp_path, Authority(tmp_path).issue("worker"), health_port=0) as app:
        monkeypatch.setenv("ANTIPHON_WORKER_HEALTH_PORT", str(app._server.health_port))
        assert await asyncio.to_thread(health.main, []) == 0
        async with PLAIN.dial(f"127.0.0.1:{app._server.health_port}") as channel:
            with pytest.raises(AntiphonError, match="Method not found"):
                await WorkerClient(channel).describe()


async def test_a_certificate_that_ends_soon_is_warned_of_in_log_and_metrics(installed: Path, tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("worker")
    with capture_logs() as logs:
        async with private(tmp_path, files, metrics_port=0):
            (page,) = (line["address"] for line in logs if line["event"] == "metrics")
            answer = await asyncio.to_thread(urllib.request.urlopen, f"http://{page}/metrics")
            with answer:
                metrics = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
    (warning,) = (line for line in logs if line["event"] == "certificate expires soon")
    assert (warning["file"], warning["log_level"]) == (str(files.cert), "warning")
    left_s = float(metrics[f'antiphon_worker_certificate_left_seconds{{file="{files.cert}"}}'])
    assert 8.9 < left_s / expiry.DAY_S < 9


async def test_worker_say_speaks_tls(installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = Authority(tmp_path)
    async with private(tmp_path, authority.issue("worker", "antiphon-worker")) as app:
        files = authority.issue("caller")
        to = ("one two", "--worker", app.address, "--out", str(tmp_path / "said.wav"))
        mine = ("--tls-ca", str(files.ca), "--tls-cert", str(files.cert), "--tls-key", str(files.key))
        assert await asyncio.to_thread(say_command.main, [*to, *mine, "--tls-name", "antiphon-worker"]) == 0
        assert await asyncio.to_thread(say_command.main, [*to, *mine]) == 1
        assert await asyncio.to_thread(say_command.main, [*to, *mine[:2]]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("worker-say")]
    assert errors[0].startswith("worker-say: no TLS with the worker")
    assert errors[1] == "worker-say: TLS takes --tls-ca, --tls-cert and --tls-key together"
