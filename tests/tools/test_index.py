"""Poetry asks the index that pip asks."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from plain_index import KINDS, SHA256, WHEEL_NAME, serving

from tools.index import poetry_environment

NAMES = ("POETRY_PYPI_MIRROR_URL", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY")


@pytest.fixture(autouse=True)
def pip_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "PIP_INDEX_URL", "PIP_CERT", "PIP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def test_without_settings_poetry_is_given_the_default_index_of_pip() -> None:
    assert poetry_environment()["POETRY_PYPI_MIRROR_URL"].startswith("https://")


def test_a_mirror_set_by_variable_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert poetry_environment() == {"POETRY_PYPI_MIRROR_URL": "https://mirror.example/simple"}


def test_a_mirror_with_its_own_certificate_set_by_file_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /etc/mirror.pem\nproxy = http://proxy.example\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert poetry_environment() == {
        "POETRY_PYPI_MIRROR_URL": "https://mirror.example/simple",
        "REQUESTS_CA_BUNDLE": "/etc/mirror.pem",
        "HTTPS_PROXY": "http://proxy.example",
    }


def test_what_its_owner_has_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("POETRY_PYPI_MIRROR_URL", "https://other.example/simple")
    assert "POETRY_PYPI_MIRROR_URL" not in poetry_environment()


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_poetry_locks_from_an_index_of_either_kind_and_does_not_name_it(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["left-pad"]\n'
        "[tool.poetry]\npackage-mode = false\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("POETRY_CACHE_DIR", str(tmp_path / "cache"))
    with serving(kind) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        for name, value in poetry_environment().items():
            monkeypatch.setenv(name, value)
        subprocess.run(["poetry", "lock", "--quiet"], cwd=tmp_path, check=True)
    lock = (tmp_path / "poetry.lock").read_text(encoding="utf-8")
    assert tomllib.loads(lock)["package"][0]["files"] == [{"file": WHEEL_NAME, "hash": f"sha256:{SHA256}"}]
    assert "127.0.0.1" not in lock
