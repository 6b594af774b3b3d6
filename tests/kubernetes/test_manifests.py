"""The manifests are valid for the oldest and the newest Kubernetes that is promised, and hang together.

No cluster runs them here.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from antiphon_core.settings import LayeredSettings
from antiphon_core.worker.settings import WorkerSettings
from antiphon_orchestrator.settings import ServerSettings
from rendering import ENGINES, FOLDER, OVERLAYS, Object, containers, objects, of_kind, pods, rendered

from tools.projects import ROOT, Project, find_adapters

VERSIONS = ("1.28", "1.37")
SETTINGS: dict[str, type[LayeredSettings]] = {
    "ANTIPHON_WORKER_": WorkerSettings,
    "ANTIPHON_SERVER_": ServerSettings,
}
DRAIN_S = {
    "WORKER": float(WorkerSettings.model_fields["drain_s"].default),
    "SERVER": float(ServerSettings.model_fields["drain_s"].default),
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def faults(manifest: str, version: str, folder: Path) -> str:
    """What the schemas of that Kubernetes say against it; "" if nothing."""
    path = folder / "manifest.yaml"
    path.write_text(manifest, encoding="utf-8")
    command = ["kubernetes-validate", "--strict", "--quiet", "-k", version, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_what_that_kubernetes_understands(overlay: str, version: str, tmp_path: Path) -> None:
    assert faults(rendered(f"overlays/{overlay}"), version, tmp_path) == ""


def test_a_misspelt_word_would_be_noticed(tmp_path: Path) -> None:
    manifest = rendered(f"overlays/{OVERLAYS[0]}")
    misspelt = manifest.replace("readinessProbe:", "readynessProbe:")
    assert "readynessProbe" in faults(misspelt, VERSIONS[-1], tmp_path)


def test_there_is_time_to_drain(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        for container in pod["spec"]["containers"]:
            names = {variable["name"].partition("_")[2].partition("_")[0] for variable in container.get("env", ())}
            drain_s = max((DRAIN_S[kind] for kind in names & DRAIN_S.keys()), default=0.0)
            wait_s = float(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [0])[-1])
            assert pod["spec"].get("terminationGracePeriodSeconds", 30) >= wait_s + drain_s + 5, name


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engines_folder_renders(engine: str) -> None:
    assert f"image: antiphon-worker-{engine}" in rendered(f"engines/{engine}")


def test_every_real_engine_has_a_folder() -> None:
    assert set(ENGINES) == {project.folder.name for project in find_adapters()} - {"tone"}


def test_a_pod_may_do_nothing_that_it_need_not(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_every_container_is_watched_and_bounded(overlay: str) -> None:
    for name, container in containers(overlay):
        assert {"readinessProbe", "livenessProbe"} <= set(container), name
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
        assert "memory" in container["resources"]["limits"], name
        assert "cpu" not in container["resources"]["limits"], name


def test_variables_are_settings_that_exist_and_no_service_makes_others(overlay: str) -> None:
    for name, container in containers(overlay):
        assert pods(overlay)[name]["spec"]["enableServiceLinks"] is False
        for variable in (entry["name"] for entry in container.get("env", [])):
            for prefix, settings in SETTINGS.items():
                if variable.startswith(prefix):
                    assert variable.removeprefix(prefix).lower() in settings.model_fields, variable


def test_what_is_mounted_is_there(overlay: str) -> None:
    claims = {claim["metadata"]["name"] for claim in of_kind(overlay, "PersistentVolumeClaim")}
    for name, pod in pods(overlay).items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes), name
        used = [volume["persistentVolumeClaim"] for volume in volumes.values() if "persistentVolumeClaim" in volume]
        assert {claim["claimName"] for claim in used} <= claims


def test_with_tls_servers_and_workers_are_given_the_files_that_their_settings_name() -> None:
    for name, container in containers("tls"):
        (prefix, wanted) = (
            ("ANTIPHON_SERVER_", {"FLEET_CA", "FLEET_CERT", "FLEET_KEY", "FLEET_NAME"})
            if name == "orchestrator"
            else ("ANTIPHON_WORKER_", {"TLS_CLIENT_CA", "TLS_CERT", "TLS_KEY"})
        )
        if name == "redis":
            continue
        variables = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        assert {f"{prefix}{setting}" for setting in wanted} <= set(variables), name
        files = {value for value in variables.values() if value.startswith("/tls/")}
        assert files == {"/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key"}, name
        (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == "/tls"]
        (volume,) = [one for one in pods("tls")[name]["spec"]["volumes"] if one["name"] == mount["name"]]
        assert volume["secret"]["secretName"] in ("antiphon-orchestrator-tls", "antiphon-worker-tls")


def test_workers_are_watched_at_a_port_that_never_speaks_tls(overlay: str) -> None:
    told = re.search(r"ANTIPHON_WORKER_HEALTH_PORT=(\d+)", (ROOT / "Dockerfile.worker").read_text(encoding="utf-8"))
    assert told is not None
    for name, container in containers(overlay):
        if name.endswith("-worker"):
            probes = [container[probe]["grpc"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")]
            assert probes == [{"port": int(told[1])}] * 3, name


def matches(selector: dict[str, str], pod: Object) -> bool:
    return bool(selector.items() <= pod["metadata"]["labels"].items())


def test_every_selector_finds_the_pods_of_one_deployment(overlay: str) -> None:
    selectors = [found["spec"]["selector"] for found in of_kind(overlay, "Service")]
    selectors += [found["spec"]["selector"]["matchLabels"] for found in of_kind(overlay, "PodDisruptionBudget")]
    for selector in selectors:
        assert len([name for name, pod in pods(overlay).items() if matches(selector, pod)]) == 1, selector


def test_workers_and_their_budgets_and_scalers_come_together(overlay: str) -> None:
    workers = {name for name in pods(overlay) if name.endswith("-worker")}
    assert workers
    targets = {found["spec"]["scaleTargetRef"]["name"] for found in of_kind(overlay, "HorizontalPodAutoscaler")}
    assert targets == workers
    assert workers <= {found["metadata"]["name"] for found in of_kind(overlay, "PodDisruptionBudget")}


def test_scaling_follows_a_metric_that_workers_serve(overlay: str) -> None:
    told = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler"):
        (metric,) = scaler["spec"]["metrics"]
        assert f"| `{metric['pods']['metric']['name']}` |" in told


def test_only_the_server_may_speak_to_workers(overlay: str) -> None:
    everything = [found for found in of_kind(overlay, "NetworkPolicy") if found["spec"]["podSelector"] == {}]
    assert any(set(found["spec"]["policyTypes"]) == {"Ingress", "Egress"} for found in everything)
    senders = [rule["from"] for rule in ingress(overlay, "workers") if rule["ports"] == [{"port": 50051}]]
    assert senders == [[{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "orchestrator"}}}]]


def ingress(overlay: str, policy: str) -> list[Any]:
    (found,) = [one for one in of_kind(overlay, "NetworkPolicy") if one["metadata"]["name"] == policy]
    rules: list[Any] = found["spec"]["ingress"]
    return rules


def test_an_engine_on_a_gpu_asks_for_one(overlay: str) -> None:
    for name, container in containers(overlay):
        variables = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
        wanted = variables.get("ANTIPHON_WORKER_DEVICE", "cpu").startswith("cuda")
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) == wanted, name


def test_the_namespace_admits_only_such_pods(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {found["metadata"].get("namespace", "antiphon") for found in objects(overlay)} == {"antiphon"}


def test_images_are_those_that_the_compose_file_builds_in_this_version(overlay: str) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    built = {service["image"].partition(":")[0] for service in services.values() if "build" in service}
    version = Project(ROOT / "core").pyproject["project"]["version"]
    for name, container in containers(overlay):
        image, _, tag = container["image"].rpartition(":")
        if name == "redis":
            assert container["image"] == services["redis"]["image"]
        else:
            assert image in built
            assert tag == version


def test_an_overlays_secrets_are_told_of_in_the_page() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    for path in FOLDER.rglob("*.yaml"):
        for name in re.findall(r"(?:secretKeyRef: {name|secretName): ([\w-]+)", path.read_text(encoding="utf-8")):
            assert f"create secret generic {name} " in page
