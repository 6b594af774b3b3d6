"""`worker --list`, `worker --check` and `worker-say`, as people use them."""

from __future__ import annotations

import asyncio
import io
import logging
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import structlog
from antiphon_core.worker import main as worker_main
from antiphon_core.worker import say as say_module
from antiphon_core.worker.app import App
from worker import scripted
from worker.installing import install
from worker.integration.serving import serving


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """The commands set logging up for their process; here they share ours."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTIPHON_WORKER_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path / "models"


def test_listing_tells_adapters_models_licences_and_what_is_downloaded(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert worker_main.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert "scripted  (antiphon-adapter-scripted 1.2.3)" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    assert "Apache-2.0" in rows["plain"]
    assert "installed" in rows["plain"]
    assert "one (en-US en), two (de-DE)" in rows["plain"]
    assert "1.0 GB" in rows["big"]
    assert "30 bytes to download" in rows["remote"]


def test_listing_shows_what_has_been_downloaded(
    installed: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert worker_main.main(["--check", "--adapter", "scripted", "--model", "remote"]) == 0
    capsys.readouterr()
    assert worker_main.main(["--list", "--adapter", "scripted"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if "remote" in line and "downloaded" in line]


def test_listing_goes_on_after_an_adapter_that_does_not_load(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(installed, "broken", "no_such_module_anywhere")
    assert worker_main.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert "broken  (antiphon-adapter-broken 1.2.3)" in out
    assert "No module named 'no_such_module_anywhere'" in out
    assert "plain" in out


def test_listing_an_adapter_that_is_not_there_says_what_is(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_main.main(["--list", "--adapter", "hal"]) == 2
    assert "no adapter 'hal' is installed here; installed: " in capsys.readouterr().err


def test_a_check_loads_speaks_and_tells_what_it_took(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_main.main(["--check", "--adapter", "scripted"]) == 0
    out = capsys.readouterr().out
    assert "plain (Apache-2.0), voice plain/one, played at +" in out
    for what in ("load ", "first audio ", "real-time factor 0.", "memory "):
        assert what in out
    assert ("unload", "plain") in scripted.log


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "hal"], "there is no model 'hal' here"),
        (["--option", "raise_at=load"], "RuntimeError: broken at load"),
        (["--option", "raise_at=first"], "loads but cannot speak"),
    ],
)
def test_a_check_that_fails_is_one_line(
    installed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert worker_main.main(["--check", "--adapter", "scripted", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("worker: ")
    assert says in line


def test_list_and_check_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        worker_main.main(["--list", "--check"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.fixture
async def app(installed: Path, tmp_path: Path) -> AsyncIterator[App]:
    async with serving(tmp_path / "models") as app:
        yield app


async def speak(app: App, *arguments: str) -> int:
    """worker-say in a thread of its own, as it brings its own loop."""
    return await asyncio.to_thread(say_module.main, ["--worker", app.address, *arguments])


async def test_worker_say_writes_what_the_engine_says(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "said.wav"
    assert await speak(app, "--out", str(out), "--rate", "24000", "--voice", "plain/two", "one two three") == 0
    with wave.open(str(out)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (24_000, 1, 2)
        sound = np.frombuffer(wav.readframes(wav.getnframes()), np.int16)
    assert len(sound) == pytest.approx(7_200, abs=500)
    assert np.abs(sound).max() > 1_000
    shown = capsys.readouterr().out
    assert "plain/two on w1" in shown
    assert "real-time factor" in shown


async def test_worker_say_reads_the_text_from_standard_input(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one two"))
    assert await speak(app, "--out", str(tmp_path / "said.wav")) == 0
    assert (tmp_path / "said.wav").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--voice", "hal", "one"], "there is no model 'hal' here"),
        (["--rate", "44100", "one"], "44100 is not offered; allowed: 8000, 16000, 24000, 48000"),
        (["..."], "there is no text to speak"),
        (["--worker", "127.0.0.1:9", "one"], "the worker cannot be reached"),
        (["--out", "/nowhere/at/all.wav", "one"], "cannot write /nowhere/at/all.wav: No such file or directory"),
    ],
)
async def test_worker_say_tells_what_is_wrong_in_one_line(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    if "--out" not in arguments:
        arguments = ["--out", str(tmp_path / "said.wav"), *arguments]
    assert await speak(app, *arguments) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("worker-say")]
    assert says in line
    assert not (tmp_path / "said.wav").exists()
