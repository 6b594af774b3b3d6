"""A Ray of somebody else: whether anybody is there, and the token that it may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from antiphon_ray.cli.main import main
from antiphon_ray.head import offer_token
from antiphon_ray.worker import free_ports


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "engines.yaml"
    path.write_text("engines: {piper: }", encoding="utf-8")
    return path


def test_where_nobody_listens_that_is_said_at_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_ports('127.0.0.1', 1)[0]}"
    assert main(["up", str(file), "--address", address]) == 1
    assert capsys.readouterr().err == (
        f"antiphon-ray: no Ray answers at {address}: Connection refused; start one with `ray start --head`, or leave "
        "--address out\n"
    )


@pytest.mark.parametrize("address", ["auto", "10.0.0.5", ":6379", "ray://10.0.0.5:x"])
def test_what_is_no_address_is_refused(file: Path, capsys: pytest.CaptureFixture[str], address: str) -> None:
    assert main(["up", str(file), "--address", address]) == 2
    assert f"--address is '{address}'; it is HOST:PORT" in capsys.readouterr().err


@pytest.fixture
def mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is not set, nor left set."""
    monkeypatch.setenv("RAY_AUTH_MODE", "")
    del os.environ["RAY_AUTH_MODE"]
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)


@pytest.mark.parametrize(("exists", "told"), [(True, "token"), (False, None)])
def test_a_token_is_offered_if_there_is_one(
    mode: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exists: bool, told: str | None
) -> None:
    token = tmp_path / "token"
    if exists:
        token.touch()
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    offer_token()
    assert os.environ.get("RAY_AUTH_MODE") == told
