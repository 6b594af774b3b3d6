"""The `worker` command as operators and supervisors meet it."""

from __future__ import annotations

import asyncio
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from antiphon_core.audio import Frame
from antiphon_core.errors import AntiphonError, Draining
from antiphon_core.utterance import Reason, Start, Text
from antiphon_core.wire.workers import WorkerClient
from worker.integration.serving import WorkerProcess, channel_to, hear, say, send

pytestmark = pytest.mark.timeout(120)

Run = Callable[..., WorkerProcess]


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Iterator[Run]:
    processes: list[WorkerProcess] = []

    def start(*arguments: str, **environment: str) -> WorkerProcess:
        log = tmp_path / f"worker-{len(processes)}.log"
        environment.setdefault("ANTIPHON_MODELS", str(tmp_path / "models"))
        process = WorkerProcess(installed, log, *arguments, **environment)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()


SCRIPTED = ("--adapter", "scripted", "--port", "0")


async def test_a_worker_starts_speaks_and_ends_cleanly_on_sigterm(run: Run) -> None:
    worker = run(*SCRIPTED)
    async with channel_to(worker.address()) as channel:
        assert (await say(channel, "one two")).speech_ms == pytest.approx(200, abs=10)
    worker.terminate()
    status, log = worker.ended()
    assert status == 0, log
    assert "Traceback" not in log


async def test_every_utterance_is_one_line_with_its_ids_and_without_its_text(run: Run) -> None:
    worker = run(*SCRIPTED)
    async with channel_to(worker.address()) as channel:
        await say(channel, "confidential", utterance_id="u7", session_id="s1", turn_id="t3")
    record = worker.wait_for("utterance")
    assert (record["utterance"], record["session"], record["turn"]) == ("u7", "s1", "t3")
    assert (record["outcome"], record["model"], record["text_chars"]) == ("complete", "plain", 12)
    worker.terminate()
    assert "confidential" not in worker.ended()[1]


async def test_texts_are_logged_only_when_told(run: Run) -> None:
    worker = run(*SCRIPTED, "--log-text")
    async with channel_to(worker.address()) as channel:
        await say(channel, "confidential", utterance_id="u7")
    record = worker.wait_for("text")
    assert (record["text"], record["utterance"]) == ("confidential", "u7")


async def test_on_sigterm_the_running_utterance_finishes_and_new_ones_are_refused(run: Run) -> None:
    worker = run(*SCRIPTED)
    async with channel_to(worker.address()) as channel:
        call = await send(channel, Start(), Text("one two. T"))
        while not isinstance(await call.receive(), Frame):
            pass
        worker.terminate()
        await asyncio.to_thread(worker.wait_for, "ending")
        with pytest.raises(Draining, match="SIGTERM"):
            await say(channel, "late")
        await call.send(Text("hree.", last=True))
        await call.end()
        assert (await hear(call)).finished.reason is Reason.COMPLETE
    assert worker.ended()[0] == 0


async def test_after_drain_s_nobody_is_waited_for(run: Run) -> None:
    worker = run(*SCRIPTED, "--drain-s", "0.2")
    async with channel_to(worker.address()) as channel:
        call = await send(channel, Start(), Text("one"))
        await call.receive()
        worker.terminate()
        with pytest.raises(AntiphonError):
            await hear(call)
    assert worker.ended()[0] == 0


async def test_a_second_signal_ends_at_once(run: Run) -> None:
    worker = run(*SCRIPTED, "--drain-s", "300")
    async with channel_to(worker.address()) as channel:
        call = await send(channel, Start(), Text("one"))
        await call.receive()
        worker.terminate()
        await asyncio.to_thread(worker.wait_for, "ending")
        worker.process.send_signal(signal.SIGINT)
        assert (await asyncio.to_thread(worker.ended))[0] == 0


def test_sigterm_while_a_model_loads_does_not_wait_for_it(run: Run) -> None:
    worker = run(*SCRIPTED, "--option", "hang_at=load")
    worker.wait_for("listening")
    worker.terminate()
    assert worker.ended()[0] == 0


async def test_a_worker_whose_engine_hangs_ends_with_a_status_of_its_own(run: Run) -> None:
    worker = run(*SCRIPTED, "--stall-s", "2")
    async with channel_to(worker.address()) as channel:
        with pytest.raises(AntiphonError):
            await say(channel, "one", options={"hang_at": "first"})
    status, log = worker.ended()
    assert status == 70, log
    assert "the engine of model plain hangs" in log


def test_a_model_that_cannot_be_loaded_at_start_is_one_line(run: Run) -> None:
    status, log = run(*SCRIPTED, "--option", "raise_at=load", "--log-level", "error").ended()
    assert status == 1
    assert log.splitlines()[-1] == "worker: model 'plain' cannot be loaded: RuntimeError: broken at load"


def test_a_model_that_hangs_at_start_is_one_line(run: Run) -> None:
    status, log = run(*SCRIPTED, "--option", "hang_at=load", "--load-timeout-s", "0.3").ended()
    assert status == 1
    assert "model 'plain' does not load: no result after 0.3 s" in log.splitlines()[-1]


def test_a_taken_port_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, log = run("--adapter", "scripted", "--port", str(port)).ended()
    assert status == 2
    assert f"worker: cannot listen on 127.0.0.1:{port}: the port is taken" in log


def test_two_workers_do_not_share_a_port(run: Run) -> None:
    port = run(*SCRIPTED).address().rpartition(":")[2]
    status, log = run("--adapter", "scripted", "--port", port).ended()
    assert (status, "the port is taken" in log) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--adapter", "hal"], {}, "no adapter 'hal' is installed here; installed: "),
        ([], {}, "adapter is not set; give --adapter or ANTIPHON_WORKER_ADAPTER"),
        ([*SCRIPTED, "--max-queue", "many"], {}, "--max-queue is 'many': Input should be a valid integer"),
        (SCRIPTED, {"ANTIPHON_WORKER_LEAD_MS": "1"}, "ANTIPHON_WORKER_LEAD_MS in the environment is '1': "),
        (SCRIPTED, {"ANTIPHON_WORKER_LED_MS": "1"}, "did you mean ANTIPHON_WORKER_LEAD_MS?"),
        ([*SCRIPTED, "--model", "hal"], {}, "there is no model 'hal' here; there are: plain, stream"),
        ([*SCRIPTED, "--registry", "zookeeper://a"], {}, "there is no registry like 'zookeeper://a'"),
        ([*SCRIPTED, "--tls-cert", "/w.pem"], {}, "TLS takes tls_cert, tls_key and tls_client_ca together"),
        (
            [*SCRIPTED, "--tls-cert", "/w.pem", "--tls-key", "/w.key"],
            {"ANTIPHON_WORKER_TLS_CLIENT_CA": "/ca.pem"},
            "cannot read /ca.pem: No such file or directory",
        ),
        ([*SCRIPTED, "--config", "/nowhere.yaml"], {}, "cannot read /nowhere.yaml: No such file or directory"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(
    run: Run, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    status, log = run(*arguments, **environment).ended()
    assert status in (1, 2)
    (line,) = [line for line in log.splitlines() if not line.startswith("{")]
    assert line.startswith("worker: ")
    assert says in line


async def test_metrics_are_served(run: Run) -> None:
    worker = run(*SCRIPTED, "--metrics-port", "0")
    async with channel_to(worker.address()) as channel:
        await say(channel, "one two")
        with pytest.raises(AntiphonError):
            await say(channel, "one", voice="hal")
        await asyncio.to_thread(worker.wait_for, "utterance")
    address = worker.wait_for("metrics")["address"]
    page = await asyncio.to_thread(_page, f"http://{address}/metrics")
    assert 'antiphon_worker_utterances_total{model="plain",outcome="complete"} 1.0' in page
    assert 'antiphon_worker_utterances_total{model="",outcome="unknown_model"} 1.0' in page
    assert 'antiphon_worker_audio_seconds_total{model="plain"} 0.2' in page
    assert "antiphon_worker_resident_models 1.0" in page
    assert "antiphon_worker_in_flight 0.0" in page


def _page(url: str) -> str:
    with urllib.request.urlopen(url) as response:
        return str(response.read().decode())


async def test_live_settings_follow_the_file_and_a_bad_edit_changes_nothing(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "worker.yaml"
    config.write_text("adapter: scripted\nmax_queue: 3\n")
    worker = run("--config", str(config), "--port", "0")
    async with channel_to(worker.address()) as channel:
        client = WorkerClient(channel)

        async def limit() -> int:
            return (await client.describe()).limits.max_queue

        assert await limit() == 3
        config.write_text("adapter: scripted\nmax_queue: 5\n")
        assert (await asyncio.to_thread(worker.wait_for, "settings changed"))["max_queue"] == 5
        assert await limit() == 5
        config.write_text("adapter: scripted\nmax_queue: 7\ndevice: cuda:0\n")
        record = await asyncio.to_thread(worker.wait_for, "settings not changed")
        assert "device cannot change while the process runs" in record["reason"]
        assert await limit() == 5
