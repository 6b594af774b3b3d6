"""Nobody weakens the kit unnoticed."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from antiphon_core.testkit import AdapterConformance, Subject
from antiphon_core.testkit.guard import check_whole, reasons
from antiphon_core.testkit.standard import CHECKS, LIMITS, SETTINGS, Standard

pytestmark = pytest.mark.unit


def fault_of(**body: Any) -> str:
    """What the guard says of a conformance class with this body; nothing if it is content."""
    cls: type[Standard] = type("TestMine", (AdapterConformance,), {"adapter": "sound_engine:sound", **body})
    try:
        check_whole(cls, AdapterConformance, body.get("subject") or Subject(cls))
    except pytest.fail.Exception as error:
        return str(error)
    return ""


def test_the_kit_holds_exactly_the_checks_of_the_standard() -> None:
    assert {name for name in dir(AdapterConformance) if name.startswith("test_")} == set(CHECKS)


def test_the_kit_itself_has_the_standard_limits() -> None:
    assert {name: getattr(AdapterConformance, name) for name in LIMITS} == LIMITS


def test_every_limit_may_be_set() -> None:
    assert set(LIMITS) < SETTINGS


def test_a_plain_class_is_whole() -> None:
    assert fault_of() == ""


def test_checks_may_be_added_and_limits_tightened() -> None:
    assert fault_of(test_more=lambda self: None, first_chunk_s=0.1, options={"a": "b"}, device="cuda:0") == ""


@pytest.mark.parametrize("check", list(CHECKS))
def test_a_check_that_is_overridden_is_noticed(check: str) -> None:
    assert f"TestMine replaces {check}" in fault_of(**{check: lambda self, antiphon_subject: None})


@pytest.mark.parametrize("check", list(CHECKS))
def test_a_check_that_is_removed_is_noticed(check: str) -> None:
    assert f"TestMine replaces {check}" in fault_of(**{check: None})


@pytest.mark.parametrize("check", list(CHECKS))
def test_a_check_that_is_marked_away_is_noticed(check: str) -> None:
    original = getattr(AdapterConformance, check)
    copy: Any = type(original)(original.__code__, original.__globals__)
    assert f"TestMine replaces {check}" in fault_of(**{check: pytest.mark.xfail(copy)})


def test_whatever_else_the_kit_is_made_of_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdapterConformance, "_helper", len, raising=False)
    assert "TestMine replaces _helper" in fault_of(_helper=None)


@pytest.mark.parametrize("mark", [pytest.mark.skip, pytest.mark.xfail, pytest.mark.skipif(True, reason="no")])
def test_a_class_that_is_marked_away_is_noticed(mark: pytest.MarkDecorator) -> None:
    assert f"is marked {mark.name}" in fault_of(pytestmark=mark)
    assert f"is marked {mark.name}" in fault_of(pytestmark=[pytest.mark.slow, mark])


def test_another_subject_is_noticed() -> None:
    class Lenient(Subject):
        pass

    assert "not the kit's own" in fault_of(subject=Lenient(Standard))


@pytest.mark.parametrize("limit", list(LIMITS))
def test_a_limit_is_loosened_only_with_a_reason(limit: str) -> None:
    looser = LIMITS[limit] * 2 + 1
    assert f"raises {limit}" in fault_of(**{limit: looser})
    assert f"raises {limit}" in fault_of(**{limit: looser}, loosened={limit: "slow"})
    assert fault_of(**{limit: looser}, loosened={limit: "the engine is written in BASIC"}) == ""


def test_loosening_what_is_no_limit_is_noticed() -> None:
    assert "loosens patience, which is no limit" in fault_of(loosened={"patience": "the engine is slow"})


def test_the_report_says_what_is_loosened_and_why() -> None:
    class TestMine(AdapterConformance):
        adapter = "mine"
        first_chunk_s = 2.5
        loosened: ClassVar[dict[str, str]] = {"first_chunk_s": "it thinks first"}

    assert reasons(TestMine) == ["TestMine (mine): first_chunk_s 2.5 instead of 1: it thinks first"]
