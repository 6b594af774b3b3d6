"""What can be said of the Dockerfiles and the compose file without building anything."""

from __future__ import annotations

import re
import subprocess

import pytest
from antiphon_core.worker.settings import WorkerSettings
from antiphon_orchestrator.settings import ServerSettings
from compose import ADAPTERS, FILE, services, services_with_tls

from tools.projects import ROOT

DOCKERFILES = sorted(ROOT.glob("Dockerfile.*"))
OURS = {name: service for name, service in services().items() if "build" in service}


def said_by(*command: str) -> str:
    """The linter's findings; it ends with 0 if there is none that matters."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: object) -> None:
    assert said_by("hadolint", str(path)) == ""


@pytest.mark.timeout(60)
def test_compose_lint_finds_nothing_serious() -> None:
    assert "PASS" in said_by("compose-lint", "check", "--fail-on", "high", str(FILE))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_are_built_with_the_tools_that_tox_pins(path: object) -> None:
    pinned = dict(re.findall(r"^ {4}(poetry\S*)==(\S+)$", (ROOT / "tox.ini").read_text(encoding="utf-8"), re.MULTILINE))
    used = dict(re.findall(r"(poetry\S*)==(\S+)", (ROOT / str(path)).read_text(encoding="utf-8")))
    assert used
    assert used.items() <= pinned.items()


def test_every_engine_is_a_profile_of_its_own() -> None:
    profiles = {name: service["profiles"] for name, service in services().items() if "profiles" in service}
    watching = {name: profiles.pop(name) for name in ("prometheus", "grafana")}
    assert profiles == {name: [name] for name in ADAPTERS}
    assert set(map(tuple, watching.values())) == {("watch",)}
    assert {name: services()[name]["build"]["args"]["ADAPTER"] for name in ADAPTERS} == {
        name: name for name in ADAPTERS
    }


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_engines_image_tells_the_licence_of_its_code(name: str) -> None:
    told = services()[name]["build"]["args"].get("LICENCES", "Apache-2.0")
    assert ADAPTERS[name].pyproject["project"]["license"] in told.split(" AND ")


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_engine_on_a_gpu_has_one_reserved(name: str) -> None:
    on_gpu = services()[name]["environment"].get("ANTIPHON_WORKER_DEVICE", "cpu").startswith("cuda")
    reserved = services()[name].get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert [device["capabilities"] for device in reserved] == ([["gpu"]] if on_gpu else [])


@pytest.mark.parametrize("name", services())
def test_a_service_may_do_nothing_that_it_need_not(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]


def test_with_tls_every_service_of_ours_is_given_the_folders_that_its_settings_name() -> None:
    assert set(services_with_tls()) == set(OURS)
    for name, service in services_with_tls().items():
        mounted = {volume.split(":")[1] for volume in service["volumes"]}
        named = {value.rpartition("/")[0] for value in service["environment"].values() if value.startswith("/tls/")}
        assert named == mounted, name
        kind = ServerSettings if name == "orchestrator" else WorkerSettings
        prefix = str(kind.model_config["env_prefix"])
        assert {key.removeprefix(prefix).lower() for key in service["environment"]} <= set(kind.model_fields), name


@pytest.mark.parametrize("name", OURS)
def test_a_service_starts_when_what_it_needs_is_healthy(name: str) -> None:
    needed = OURS[name]["depends_on"]
    assert set(needed) == {"redis"}
    assert {how["condition"] for how in needed.values()} == {"service_healthy"}
    assert "healthcheck" in services()["redis"]


def test_nothing_but_the_server_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert list(published) == ["orchestrator", "prometheus", "grafana"]
    assert all(port.startswith("127.0.0.1:") for name in ("prometheus", "grafana") for port in published[name])
    (port,) = published["orchestrator"]
    assert port.startswith("${ANTIPHON_LISTEN:-127.0.0.1:")
