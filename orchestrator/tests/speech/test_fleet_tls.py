"""Workers over TLS: who is trusted is spoken to, everybody else gets not a word; certificates change meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from antiphon_core import expiry
from antiphon_core.audio import Frame
from antiphon_core.errors import BadSettings, Untrusted, WorkerGone
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.settings import read_settings
from antiphon_core.tls import Certificates, TlsFiles
from antiphon_core.utterance import Finished, Start, SynthesisEvent
from antiphon_core.wire.dialer import Dialer
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.speech.client import Patience, SpeechClient
from antiphon_orchestrator.speech.trust import TrustedFleet
from antiphon_orchestrator.testing.server import ScriptedFleet
from antiphon_orchestrator.testing.server import worker as record
from antiphon_orchestrator.testing.worker import ScriptedWorker
from certificates import Issuer
from structlog.testing import capture_logs

TEXT = "one two three"


@asynccontextmanager
async def client_of(files: TlsFiles, name: str = "") -> AsyncIterator[SpeechClient]:
    client = SpeechClient(Dialer(Certificates(files), name))
    try:
        yield client
    finally:
        await client.close()


def at(worker: ScriptedWorker) -> WorkerRecord:
    return replace(record(), address=worker.address, tls=True)


def do_not_look_at_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """For somebody whose certificate expires while it runs."""
    monkeypatch.setattr(expiry, "wall_s", lambda: 0.0)


async def speak(client: SpeechClient, worker: ScriptedWorker) -> list[SynthesisEvent]:
    return [event async for event in client.speak(at(worker), Start(), TEXT, Patience())]


async def test_who_trust_each_other_speak(tmp_path: Path) -> None:
    issuer, worker = Issuer(tmp_path), ScriptedWorker()
    async with worker.serving(Certificates(issuer.server())), client_of(issuer.caller()) as client:
        assert isinstance((await speak(client, worker))[-1], Finished)
    assert worker.texts == [TEXT]


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        pytest.param(lambda _, other: other.server(), "local issuer", id="of another authority"),
        pytest.param(lambda issuer, _: issuer.server(days=-1), "expired", id="expired"),
        pytest.param(lambda issuer, _: issuer.caller(), "purpose", id="good for calling only"),
    ],
)
async def test_a_worker_that_is_not_in_the_trust_gets_no_text(
    tmp_path: Path, shown: Callable[[Issuer, Issuer], TlsFiles], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_not_look_at_dates(monkeypatch)
    issuer, other, worker = Issuer(tmp_path / "here"), Issuer(tmp_path / "there"), ScriptedWorker()
    mine = issuer.caller()
    files = replace(shown(issuer, other), ca=issuer.ca)
    async with worker.serving(Certificates(files)), client_of(mine) as client:
        with pytest.raises(Untrusted, match=says):
            await speak(client, worker)
    assert worker.starts == []


async def test_a_worker_of_another_name_gets_no_text(tmp_path: Path) -> None:
    issuer, worker = Issuer(tmp_path), ScriptedWorker()
    async with worker.serving(Certificates(issuer.server())), client_of(issuer.caller(), "else.test") as client:
        with pytest.raises(Untrusted, match="Hostname Verification"):
            await speak(client, worker)
    assert worker.starts == []


async def test_a_worker_without_tls_gets_no_text_even_if_the_registry_says_that_it_speaks_it(tmp_path: Path) -> None:
    issuer, worker = Issuer(tmp_path), ScriptedWorker()
    async with worker.serving(), client_of(issuer.caller()) as client:
        with pytest.raises(Untrusted):
            await speak(client, worker)
    assert worker.starts == []


@pytest.mark.parametrize(
    "mine",
    [
        pytest.param(lambda _, other: other.caller(), id="of another authority"),
        pytest.param(lambda issuer, _: issuer.caller(days=-1), id="expired"),
        pytest.param(lambda issuer, _: issuer.server(), id="a worker's own"),
    ],
)
async def test_a_worker_refuses_who_is_not_in_its_trust(
    tmp_path: Path, mine: Callable[[Issuer, Issuer], TlsFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    do_not_look_at_dates(monkeypatch)
    issuer, other, worker = Issuer(tmp_path / "here"), Issuer(tmp_path / "there"), ScriptedWorker()
    files = replace(mine(issuer, other), ca=issuer.ca)
    async with worker.serving(Certificates(issuer.server())), client_of(files) as client:
        with pytest.raises(WorkerGone):
            await speak(client, worker)
    assert worker.starts == []


async def test_after_a_change_new_utterances_use_the_new_certificate_and_running_ones_run_on(tmp_path: Path) -> None:
    worker = ScriptedWorker()
    before = Issuer(tmp_path)
    async with worker.serving(Certificates(before.server())), client_of(before.caller()) as client:
        running = client.speak(at(worker), Start(), TEXT, Patience())
        heard = [await anext(running)]
        after = Issuer(tmp_path)
        after.server(), after.caller()
        assert isinstance((await speak(client, worker))[-1], Finished)
        heard += [event async for event in running]
        assert sum(isinstance(event, Frame) for event in heard) == 30
        assert isinstance(heard[-1], Finished)
        assert client.channels == 1


def test_who_speaks_otherwise_is_left_out_and_told_of_once() -> None:
    plain, private = record("plain"), replace(record("private"), tls=True)
    for tls, here, there in ((True, private, plain), (False, plain, private)):
        fleet = TrustedFleet(ScriptedFleet(plain, private), tls=tls)
        with capture_logs() as logs:
            assert fleet.workers() == fleet.workers() == (here,)
        assert fleet.refused() == [there]
        (line,) = logs
        assert (line["event"], line["worker"]) == ("worker is not spoken to", there.description.worker)


def test_the_trusted_follow_the_fleet() -> None:
    private = replace(record("private"), tls=True)
    everybody = ScriptedFleet(private)
    fleet = TrustedFleet(everybody, tls=True)
    changes: list[None] = []
    forget = fleet.subscribe(lambda: changes.append(None))
    everybody.become(record("plain"))
    assert (fleet.workers(), len(changes)) == ((), 1)
    forget()
    everybody.become(private)
    assert (fleet.workers(), len(changes)) == ((private,), 1)


@pytest.mark.parametrize("given", [{"fleet_ca": "/ca.pem"}, {"fleet_cert": "/c.pem"}, {"fleet_name": "worker"}])
def test_half_of_what_tls_to_workers_takes_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="fleet_ca, fleet_cert and fleet_key together"):
        read_settings(ServerSettings, given)
