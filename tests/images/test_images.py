"""Built images: who they run as, what is in them, and what is not."""

from __future__ import annotations

import json

import pytest
from bases import PYTHON
from compose import ADAPTERS, services
from conftest import BUILD_S, Image
from podman import Podman

from tools.projects import ROOT, Project

BUILT = ["orchestrator", *(name for name in ADAPTERS if "deploy" not in services()[name])]
"""All but those for a GPU: they are as large as the rest together, ten times."""
BUILD_TOOLS = "gcc cc g++ make ld as git curl wget poetry cmake"
LARGEST_MB = 600
"""What an image may add to its base."""

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(BUILD_S)]


@pytest.fixture(params=BUILT)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def described(podman: Podman, image: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(podman("image", "inspect", image))[0]
    return found


def test_an_image_adds_little_to_its_base(podman: Podman, image: Image, name: str) -> None:
    base, whole = (int(str(described(podman, what)["Size"])) for what in (PYTHON, image(name)))
    added_mb = (whole - base) / 1e6
    print(f"{name}: {added_mb:.0f} MB over its base, {whole / 1e6:.0f} MB in all")
    assert added_mb <= LARGEST_MB


def test_an_image_says_what_it_is(podman: Podman, image: Image, name: str) -> None:
    labels = dict(described(podman, image(name))["Labels"])  # type: ignore[call-overload]
    about = Project(ROOT / (name if name == "orchestrator" else f"adapters/{name}")).pyproject["project"]
    licences = services()[name]["build"].get("args", {}).get("LICENCES", about["license"])
    told = {key: labels[f"org.opencontainers.image.{key}"] for key in ("title", "licenses", "version", "revision")}
    title = services()[name]["image"].partition(":")[0]
    assert told == {
        "title": title, "licenses": licences, "version": about["version"], "revision": "tested",
    }  # fmt: skip


def test_it_runs_as_nobody_in_particular_and_could_change_nothing(podman: Podman, image: Image, name: str) -> None:
    said = podman.inside(image(name), "id -u; find /opt /etc /usr -writable ! -type l 2>/dev/null; echo end")
    assert said.split() == ["10001", "end"]


def test_nothing_of_the_build_is_left_in_it(podman: Podman, image: Image, name: str) -> None:
    look = f"for tool in {BUILD_TOOLS}; do command -v $tool; done; ls -d /wheels /source /poetry /etc/pip.conf"
    look += "; ls -A /run/secrets /root/.cache /opt/antiphon/lib/python*/site-packages/setuptools"
    assert podman.inside(image(name), f"({look}) 2>/dev/null; echo end").split() == ["end"]


def test_every_library_that_its_packages_want_is_there(podman: Podman, image: Image, name: str) -> None:
    # A wheel's libraries find each other by the module that loads them, which ldd does not know.
    wanted = "find /opt/antiphon -name '*.so*' -exec ldd {} + 2>/dev/null | awk '/not found/ {print $1}' | sort -u"
    foreign = 'find /opt/antiphon -name "$library" | grep -q . || echo "$library"'
    look = f"for library in $({wanted}); do {foreign}; done; pip check"
    assert podman.inside(image(name), look).strip() == "No broken requirements found."


def test_its_command_tells_what_it_can_do(podman: Podman, image: Image, name: str) -> None:
    locked = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none")
    said = podman("run", "--rm", *locked, image(name), "--help" if name == "orchestrator" else "--list")
    assert ("usage: antiphon" if name == "orchestrator" else f"antiphon-adapter-{name}") in said


def test_a_server_that_others_can_reach_does_not_start_without_a_key(podman: Podman, image: Image) -> None:
    with pytest.raises(AssertionError, match=r"(?s)ended with 2.*set api_keys, or open_to_all"):
        podman("run", "--rm", "--network=none", image("orchestrator"))
