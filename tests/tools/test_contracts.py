"""Every contract of the house catches a planted breach, and none is forgotten when the house grows."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tools.contracts import import_breaches, named_engines
from tools.projects import ROOT, Project, find_adapters

TONE = "adapters/tone/src/antiphon_adapter_tone/__init__.py"
ORCHESTRATOR = "orchestrator/src/antiphon_orchestrator/__init__.py"
ADAPTERS_MAY_SEE = {"audio", "errors", "hookspecs", "models"}
DECISIONS = {"antiphon_core": ["audio", "models", "worker.eviction"], "antiphon_orchestrator": ["turn"]}


def plant(house: Path, place: str, line: str) -> None:
    path = house / place
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def contract(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser[f"importlinter:contract:{name}" if name else "importlinter"]


def core_modules() -> set[str]:
    files = (ROOT / "core/src/antiphon_core").iterdir()
    return {path.stem for path in files if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}


def broken_contracts(house: Path) -> list[int]:
    said = " ".join(import_breaches(house).split())
    return [int(number) for number, verdict in re.findall(r"(\d)\. .*? (KEPT|BROKEN)", said) if verdict == "BROKEN"]


def test_the_house_keeps_every_contract() -> None:
    assert import_breaches() == ""
    assert named_engines() == []


@pytest.mark.parametrize(
    ("number", "place", "breach"),
    [
        pytest.param(
            1, "core/src/antiphon_core/audio.py", "import antiphon_orchestrator", id="core-knows-orchestrator"
        ),
        pytest.param(1, "proto/src/antiphon_proto/__init__.py", "import antiphon_core", id="proto-knows-core"),
        pytest.param(1, TONE, "import antiphon_adapter_hibari", id="adapter-knows-adapter"),
        pytest.param(1, TONE, "import antiphon_orchestrator", id="adapter-knows-orchestrator"),
        pytest.param(1, ORCHESTRATOR, "import antiphon_adapter_tone", id="orchestrator-knows-adapter"),
        pytest.param(2, TONE, "import grpc", id="adapter-knows-grpc"),
        pytest.param(2, TONE, "import google.protobuf", id="adapter-knows-protobuf"),
        pytest.param(3, ORCHESTRATOR, "import antiphon_core.hookspecs", id="orchestrator-knows-hookspecs"),
        pytest.param(3, ORCHESTRATOR, "import antiphon_core.worker", id="orchestrator-knows-worker"),
        pytest.param(3, ORCHESTRATOR, "import pluggy", id="orchestrator-knows-pluggy"),
        pytest.param(3, ORCHESTRATOR, "import torch", id="orchestrator-knows-torch"),
        pytest.param(4, ORCHESTRATOR, "import antiphon_proto", id="orchestrator-knows-messages"),
        pytest.param(4, "core/src/antiphon_core/models.py", "import antiphon_proto.v1", id="core-knows-messages"),
        *(
            pytest.param(5, "core/src/antiphon_core/models.py", f"import {module}", id=f"decision-knows-{module}")
            for module in ("asyncio", "grpc", "random", "redis", "threading", "time")
        ),
        pytest.param(6, ORCHESTRATOR, "import opentelemetry.trace", id="orchestrator-knows-tracing"),
    ],
)
def test_a_planted_import_breaks_its_contract(house: Path, number: int, place: str, breach: str) -> None:
    plant(house, place, breach)
    assert number in broken_contracts(house)


@pytest.mark.parametrize(
    "line",
    ["from hibari import speak", "# hibari wants this", 'VOICE = "hibari/anna"', 'VOICE = "tone"', "V = 'tone/deep'"],
)
def test_an_engine_named_outside_its_adapter_is_found(house: Path, line: str) -> None:
    plant(house, ORCHESTRATOR, line)
    assert [breach for breach in named_engines(house) if breach.startswith(ORCHESTRATOR)]


@pytest.mark.parametrize("line", ["# the tone of a voice", "phantomhibarifoo = 1"])
def test_a_word_that_is_no_engine_is_left_alone(house: Path, line: str) -> None:
    plant(house, ORCHESTRATOR, line)
    assert named_engines(house) == []


def test_the_settings_may_name_the_default_engine(house: Path) -> None:
    (house / "orchestrator/src/antiphon_orchestrator/settings.py").write_text('VOICE = "hibari"\n', encoding="utf-8")
    assert named_engines(house) == []


@pytest.mark.parametrize("adapter", find_adapters(), ids=lambda adapter: adapter.folder.name)
def test_every_adapter_is_bound_by_the_contracts(adapter: Project) -> None:
    assert adapter.package in contract("")["root_packages"].split()
    assert adapter.package in contract("layers")["layers"].split()
    assert adapter.package in contract("adapters")["source_modules"].split()


@pytest.mark.parametrize("module", sorted(core_modules() - ADAPTERS_MAY_SEE))
def test_an_adapter_that_imports_another_module_of_core_breaks_its_contract(house: Path, module: str) -> None:
    plant(house, TONE, f"import antiphon_core.{module}")
    assert broken_contracts(house) == [2]


@pytest.mark.parametrize("module", sorted(ADAPTERS_MAY_SEE))
def test_an_adapter_may_import_the_plug_in_contract(house: Path, module: str) -> None:
    plant(house, TONE, f"import antiphon_core.{module}")
    assert broken_contracts(house) == []


def test_decision_code_is_bound_as_soon_as_it_exists() -> None:
    listed = contract("decisions")["source_modules"].split()
    for package, modules in DECISIONS.items():
        for module in modules:
            place = next(ROOT.glob(f"*/src/{package}")) / module.replace(".", "/")
            if place.is_dir() or place.with_suffix(".py").exists():
                assert {f"{package}.{module}", f"{package}.{module}.**"} & set(listed)
