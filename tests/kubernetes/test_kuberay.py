"""The variant for the KubeRay operator: its pods are what Kubernetes understands, its engines what antiphon-ray does.

No cluster and no operator run it here. The resource's own definition is not at hand: what is used of it stands in
`RAY_SERVICE` and its like, written after the operator's reference; the pods in it are held against Kubernetes' schemas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from antiphon_ray.settings import EngineSettings
from rendering import Object, rendered
from test_manifests import VERSIONS, faults

from tools.projects import ROOT, Project

RAY_SERVICE = {"serveConfigV2", "rayClusterConfig"}
CLUSTER = {
    "authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "headGroupSpec", "rayVersion", "workerGroupSpecs",
}  # fmt: skip
GROUP = {"groupName", "maxReplicas", "minReplicas", "rayStartParams", "replicas", "template"}
HEAD = {"rayStartParams", "template"}
DRAIN_S = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"

pytestmark = pytest.mark.timeout(120)


@cache
def objects() -> tuple[Object, ...]:
    return tuple(yaml.safe_load_all(rendered("kuberay")))


def service() -> Any:
    (found,) = [found for found in objects() if found["kind"] == "RayService"]
    assert found["apiVersion"] == "ray.io/v1"
    return found["spec"]


def cluster() -> Any:
    return service()["rayClusterConfig"]


def templates() -> Iterator[tuple[str, Object]]:
    """Every kind of pod, by its group."""
    yield "head", cluster()["headGroupSpec"]["template"]
    for group in cluster()["workerGroupSpecs"]:
        yield group["groupName"], group["template"]


def applications() -> list[Any]:
    return list(yaml.safe_load(service()["serveConfigV2"])["applications"])


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_but_the_operators_resource_is_what_that_kubernetes_understands(
    version: str, tmp_path: Path
) -> None:
    plain = [found for found in objects() if found["kind"] != "RayService"]
    assert faults(yaml.safe_dump_all(plain), version, tmp_path) == ""


@pytest.mark.parametrize("version", VERSIONS)
def test_its_pods_are_what_that_kubernetes_understands(version: str, tmp_path: Path) -> None:
    pods = [
        {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": name}}
        for name, template in templates()
    ]
    assert faults(yaml.safe_dump_all(pods), version, tmp_path) == ""


def test_its_own_words_are_those_of_the_operators_reference() -> None:
    assert set(service()) == RAY_SERVICE
    assert set(cluster()) == CLUSTER
    assert set(cluster()["headGroupSpec"]) == HEAD
    for group in cluster()["workerGroupSpecs"]:
        assert set(group) == GROUP
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_a_pod_has_longer_to_end_than_the_workers_in_it() -> None:
    for _, template in templates():
        for application in applications():
            engine = EngineSettings.model_validate(application["args"])
            (container,) = template["spec"]["containers"]
            (waits_s,) = [float(each["value"]) for each in container["env"] if each["name"] == DRAIN_S]
            assert engine.end_s < waits_s < template["spec"]["terminationGracePeriodSeconds"]


def test_every_engine_is_one_that_antiphon_ray_takes() -> None:
    for application in applications():
        assert application["import_path"] == "antiphon_ray.deployment:engine"
        engine = EngineSettings.model_validate(application["args"])
        assert engine.name == application["name"]


def test_every_engine_runs_in_its_own_image_and_has_room_there() -> None:
    groups = {group["groupName"]: group for group in cluster()["workerGroupSpecs"]}
    for engine in (EngineSettings.model_validate(each["args"]) for each in applications()):
        group = groups.pop(engine.name)
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"].startswith(f"antiphon-ray-{engine.engine}:")
        room = json.loads(json.loads(group["rayStartParams"]["resources"]))
        assert set(engine.resources) == set(room) == {engine.name}
        assert room[engine.name] * group["maxReplicas"] >= engine.most_replicas * engine.resources[engine.name]
        assert room[engine.name] * group["replicas"] >= engine.min_replicas * engine.resources[engine.name]
    assert groups == {}, "a group of machines for an engine that nobody asks for"


def test_the_ray_that_is_named_is_the_one_that_is_locked() -> None:
    lock = (ROOT / "deploy/ray/poetry.lock").read_text(encoding="utf-8")
    (locked,) = re.findall(r'^name = "ray"\nversion = "(.*)"$', lock, re.MULTILINE)
    assert cluster()["rayVersion"] == locked


def test_the_engines_python_is_where_the_image_has_it() -> None:
    image = (ROOT / "Dockerfile.worker").read_text(encoding="utf-8")
    for application in applications():
        python = EngineSettings.model_validate(application["args"]).python
        assert f"PATH={Path(python).parent}:" in image


def test_a_pod_may_do_nothing_that_it_need_not() -> None:
    for name, template in templates():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        # The head's autoscaler asks Kubernetes for pods.
        assert ("automountServiceAccountToken" in spec) == (name != "head")
        for container in [*spec["containers"], cluster()["autoscalerOptions"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_servers_reach_workers_and_workers_the_registry() -> None:
    """The pods have the labels that the policies of the base are for."""
    (registry,) = [
        found for found in objects() if found["kind"] == "NetworkPolicy" and found["metadata"]["name"] == "redis"
    ]
    allowed = [each["podSelector"]["matchLabels"] for rule in registry["spec"]["ingress"] for each in rule["from"]]
    for name, template in templates():
        labels = template["metadata"]["labels"].items()
        assert labels >= {"app.kubernetes.io/name": "ray"}.items()
        assert any(wanted.items() <= labels for wanted in allowed) == (name != "head")


def test_images_have_this_version() -> None:
    version = Project(ROOT / "deploy/ray").version
    for _, template in templates():
        for container in template["spec"]["containers"]:
            assert container["image"].endswith(f":{version}")
