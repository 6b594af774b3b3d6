"""A server until a signal ends it, as callers over TLS find it."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.live import LiveSettings
from antiphon_orchestrator.api import public_tls
from antiphon_orchestrator.app import Server
from antiphon_orchestrator.cli.caller import calling
from antiphon_orchestrator.cli.listening import listening_socket
from antiphon_orchestrator.cli.remote import reaching
from antiphon_orchestrator.cli.serving import serve
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.server import Scripted
from certificates import Issuer

pytestmark = pytest.mark.integration


def settings(issuer: Issuer, *, days: int = 9) -> LiveSettings[ServerSettings]:
    files = issuer.server(days=days)
    flags = {"port": 0, "speechless_apology": "", "tls_cert": files.cert, "tls_key": files.key}
    return LiveSettings(ServerSettings, flags)


async def is_trusted(port: int, by: ssl.SSLContext) -> bool:
    """Whether such a caller comes in."""
    try:
        _, writer = await asyncio.open_connection("localhost", port, ssl=by)
    except ssl.SSLCertVerificationError:
        return False
    writer.close()
    return True


async def test_it_serves_over_tls_follows_a_new_certificate_and_ends_with_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_tls, "POLL_S", 0.01)
    first = Issuer(tmp_path)
    live = settings(first)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def tell(address: str) -> None:
        ready.set_result(address)

    with listening_socket(live.now) as bound:
        port = bound.getsockname()[1]
        running = asyncio.create_task(serve(Server(live, Scripted().providers()), bound, tell))
        address = await ready
        assert address == f"https://127.0.0.1:{port}"
        with reaching(address, "", first.ca) as http:
            assert (await asyncio.to_thread(http.get, "/livez")).status_code == 200
        async with calling(address, ca=first.ca) as call:
            old = ssl.create_default_context(cafile=first.ca)
            second = Issuer(tmp_path)
            second.server()
            while not await is_trusted(port, ssl.create_default_context(cafile=second.ca)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert not await is_trusted(port, old)
            await (await call.socket.ping())
        os.kill(os.getpid(), signal.SIGTERM)
        await running


def test_an_expired_certificate_is_told_before_anybody_is_served(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"the certificate in .*server\.pem expired on .*; put a new one and its key"):
        Server(settings(Issuer(tmp_path), days=-1), Scripted().providers())
