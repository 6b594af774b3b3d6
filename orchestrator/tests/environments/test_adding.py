"""`antiphon env`: an environment is made whole or not at all, and what is wrong with one is found and said."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from antiphon_orchestrator.cli.main import main
from antiphon_orchestrator.environments.place import Place, environments_root
from environments.shop import CHIRP, Shop

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
COMMAND: list[str | Path] = [sys.executable, "-m", "antiphon_orchestrator.cli.main", "env"]


@pytest.fixture
def place(shop: Shop) -> Place:
    return Place(environments_root(), "chirp")


def add(shop: Shop, *flags: str) -> int:
    return main(["env", "add", "chirp", "--from", str(shop.folder), *flags])


def installed(place: Place, package: str) -> str:
    probe = f"import importlib.metadata; print(importlib.metadata.version('{package}'))"
    return subprocess.run([place.python, "-c", probe], capture_output=True, text=True, check=True).stdout.strip()


def builds(place: Place) -> list[Path]:
    return sorted(place.folder.glob("build-*"))


def test_an_engine_is_added_listed_checked_and_removed(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(shop) == 0
    assert "chirp: is ready" in capsys.readouterr().out
    assert installed(place, "feathers") == "2.0"
    assert main(["env", "list"]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("chirp")
    assert "unpinned" in line
    assert main(["env", "check"]) == 0
    assert "chirp: whole" in capsys.readouterr().out
    assert main(["env", "remove", "chirp"]) == 0
    assert not place.folder.exists()
    assert main(["env", "check", "chirp"]) == 1
    assert "'chirp' has no environment here" in capsys.readouterr().err


def test_versions_are_those_that_the_release_pins(shop: Shop, place: Place) -> None:
    shop.pin("1.0")
    assert add(shop) == 0
    assert installed(place, "feathers") == "1.0"


def test_a_package_that_does_not_have_its_hash_is_refused_and_nothing_stays(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.pin("1.0", sha256="0" * 64)
    assert add(shop) == 1
    assert "DO NOT MATCH THE HASHES" in capsys.readouterr().err
    assert not place.begun


def test_adding_what_is_up_to_date_changes_nothing(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(shop) == 0
    before = builds(place)
    assert add(shop) == 0
    assert "is here already" in capsys.readouterr().out
    assert builds(place) == before


def test_adding_again_follows_the_source(shop: Shop, place: Place) -> None:
    assert add(shop) == 0
    shop.pin("1.0")
    assert add(shop) == 0
    assert installed(place, "feathers") == "1.0"
    assert len(builds(place)) == 1


def test_where_the_pins_are_the_same_only_our_own_packages_are_replaced(shop: Shop, place: Place) -> None:
    shop.pin("1.0")
    assert add(shop) == 0
    before = builds(place)
    shop.put("antiphon_adapter_chirp", {"song.py": "x = 1"}, needs=("antiphon-core",), points=CHIRP)
    assert add(shop) == 0
    assert builds(place) == before
    assert list(place.current.glob("lib/python*/site-packages/antiphon_adapter_chirp/song.py"))
    assert main(["env", "check"]) == 0


def test_our_own_packages_that_do_not_load_are_not_taken_for_ready(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.pin("1.0")
    assert add(shop) == 0
    shop.put("antiphon_adapter_chirp", {"__init__.py": "import beak"}, needs=("antiphon-core",), points=CHIRP)
    assert add(shop) == 1
    assert "No module named 'beak'" in capsys.readouterr().err
    assert not place.begun


def test_a_source_that_fails_leaves_the_environment_that_was_there(shop: Shop, place: Place) -> None:
    assert add(shop) == 0
    shop.pin("1.0", sha256="0" * 64)
    assert add(shop) == 1
    assert installed(place, "feathers") == "2.0"
    assert len(builds(place)) == 1


def test_an_engine_that_does_not_load_is_not_taken_for_ready(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.put("antiphon_adapter_chirp", {"__init__.py": "import beak"}, needs=("antiphon-core",), points=CHIRP)
    assert add(shop) == 1
    assert "No module named 'beak'" in capsys.readouterr().err
    assert not place.begun


def test_packages_in_conflict_are_not_taken_for_ready(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.put("antiphon_adapter_chirp", {}, needs=("antiphon-core", "feathers>=2"), points=CHIRP)
    shop.pin("1.0")
    assert add(shop) == 1
    assert "feathers" in capsys.readouterr().err
    assert not place.begun


def test_a_python_that_the_engine_forbids_is_refused_with_what_it_needs(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.put("antiphon_adapter_chirp", {}, needs=("antiphon-core",), points=CHIRP, requires_python=">=3.19")
    assert add(shop, "--python", sys.executable) == 1
    said = capsys.readouterr().err
    assert "chirp needs Python >=3.19" in said
    assert add(shop) == 1
    assert "pyenv install 3." in capsys.readouterr().err
    assert not place.begun


def test_an_engine_that_is_not_among_the_wheels_is_refused_with_those_that_are(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env", "add", "growl", "--from", str(shop.folder)]) == 1
    assert "those there bring: chirp" in capsys.readouterr().err


def test_what_was_killed_in_the_middle_is_no_environment_and_is_started_over(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    process = subprocess.Popen([*COMMAND, "add", "chirp", "--from", shop.folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "with Python" in process.stdout.readline()
    process.kill()
    process.communicate()
    assert len(builds(place)) == 1
    assert main(["env", "list"]) == 0
    assert "unfinished" in capsys.readouterr().out
    assert main(["env", "check"]) == 1
    assert "unfinished" in capsys.readouterr().out
    assert add(shop) == 0
    assert len(builds(place)) == 1


def test_whoever_is_asked_to_end_leaves_nothing_half_made(shop: Shop, place: Place) -> None:
    process = subprocess.Popen([*COMMAND, "add", "chirp", "--from", shop.folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "with Python" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 130
    assert not place.begun


def test_of_two_at_once_the_second_waits_and_finds_it_done(shop: Shop, place: Place) -> None:
    command = [*COMMAND, "add", "chirp", "--from", shop.folder]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted((process.communicate()[0] for process in pair), key=lambda text: "is ready" in text)
    assert [process.returncode for process in pair] == [0, 0]
    assert "another process is at work on the environment of chirp; waiting" in said[0]
    assert "is here already" in said[0]
    assert "is ready" in said[1]
    assert len(builds(place)) == 1


def test_a_package_that_lost_files_is_found_and_mended(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(shop) == 0
    (lost,) = place.current.glob("lib/python*/site-packages/feathers/__init__.py")
    lost.unlink()
    assert main(["env", "check", "chirp"]) == 1
    assert "feathers has lost 1 files" in capsys.readouterr().out
    assert add(shop) == 0
    assert main(["env", "check", "chirp"]) == 0


def test_an_environment_whose_python_is_gone_says_so(
    shop: Shop, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(shop) == 0
    python = place.current / "bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert main(["env", "check"]) == 1
    assert "its Python is gone: /nowhere/python3" in capsys.readouterr().out


def test_a_full_disk_is_said_and_leaves_nothing(
    shop: Shop, place: Place, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the disk: pip's writing fails likewise."""
    shop.put("antiphon_adapter_chirp", {"sound.py": "#" * 3_000_000}, needs=("antiphon-core",), points=CHIRP)
    limited = f"ulimit -f 2000; trap '' XFSZ; exec {' '.join(map(str, COMMAND))} add chirp --from {shop.folder}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is full" in done.stderr
    assert "ANTIPHON_ENVIRONMENTS" in done.stderr
    assert not place.begun
