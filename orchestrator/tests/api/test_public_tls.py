"""Callers over TLS: the page, the API and whole sessions, with a certificate that changes while it is shown."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.expiry import DAY_S
from antiphon_core.settings import read_settings
from antiphon_orchestrator.cli import say, voices
from antiphon_orchestrator.cli.caller import calling
from antiphon_orchestrator.cli.remote import reaching
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.server import serving
from certificates import Issuer
from structlog.testing import capture_logs


def shown(issuer: Issuer) -> dict[str, Any]:
    files = issuer.server()
    return {"tls_cert": files.cert, "tls_key": files.key}


async def test_a_session_is_held_over_wss(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    async with serving(**shown(issuer)) as server, calling(server.url, ca=issuer.ca) as call:
        assert server.url.startswith("https:")
        told = asyncio.Event()
        call.listeners.append(lambda one: told.set() if one.type == "session.updated" else None)
        await asyncio.wait_for(told.wait(), 10)


async def test_the_commands_reach_it_with_its_authority(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issuer = Issuer(tmp_path)
    async with serving(**shown(issuer)) as server:
        there = ["--server", server.url, "--ca", str(issuer.ca)]
        assert await asyncio.to_thread(voices.main, there) == 0
        assert await asyncio.to_thread(say.main, ["hello", "-o", str(tmp_path / "said.wav"), *there]) == 0
    assert "scripted/two" in capsys.readouterr().out
    assert (tmp_path / "said.wav").stat().st_size > 1_000


async def test_without_its_authority_a_command_says_what_to_give(tmp_path: Path) -> None:
    async with serving(**shown(Issuer(tmp_path))) as server:
        with pytest.raises(ConnectionError, match=r"is not trusted .*--ca names its authority"):
            await asyncio.to_thread(voices.main, ["--server", server.url])
        with pytest.raises(ConnectionError, match="--ca names its authority"):
            async with calling(server.url):
                pass
        with pytest.raises(ConnectionError, match="cannot use"):
            await asyncio.to_thread(voices.main, ["--server", server.url, "--ca", str(tmp_path / "none.pem")])


async def test_a_new_certificate_is_shown_to_new_callers_and_sessions_go_on(tmp_path: Path) -> None:
    first = Issuer(tmp_path)
    async with serving(**shown(first)) as server, server.call(ssl=_anybody()) as caller:
        second = Issuer(tmp_path)
        second.server()
        assert server.server.certificate is not None
        server.server.certificate.refresh()
        with reaching(server.url, "", second.ca) as http:
            assert (await asyncio.to_thread(http.get, "/livez")).status_code == 200
        await caller.write("still there?")
        await caller.until("conversation.item.done")


async def test_a_broken_new_certificate_is_told_and_the_old_one_is_shown_on(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    files = issuer.server()
    async with serving(tls_cert=files.cert, tls_key=files.key) as server:
        files.cert.write_text("half a fi")
        assert server.server.certificate is not None
        with capture_logs() as logs:
            server.server.certificate.refresh()
            server.server.certificate.refresh()
        assert [line["event"] for line in logs] == ["certificate not changed"]
        with reaching(server.url, "", issuer.ca) as http:
            assert (await asyncio.to_thread(http.get, "/livez")).status_code == 200


async def test_a_certificate_that_ends_soon_is_warned_of_in_log_and_metrics(tmp_path: Path) -> None:
    files = Issuer(tmp_path).server()
    with capture_logs() as logs:
        async with serving(tls_cert=files.cert, tls_key=files.key) as server:
            lines = (await server.http.get("/metrics")).text.splitlines()
    (warning,) = (line for line in logs if line["event"] == "certificate expires soon")
    assert (warning["file"], warning["log_level"]) == (str(files.cert), "warning")
    name = f'antiphon_certificate_left_seconds{{file="{files.cert}"}} '
    (left_s,) = (float(line.removeprefix(name)) for line in lines if line.startswith(name))
    assert 8.9 < left_s / DAY_S < 9


def test_half_of_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="tls_cert and tls_key together"):
        read_settings(ServerSettings, {"tls_cert": tmp_path / "cert.pem"})


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
