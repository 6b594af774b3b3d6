"""The check of the checks: a conformance class may set what Standard names, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from antiphon_core.testkit.standard import CHECKS, LIMITS, SETTINGS, Standard
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.verdict import refuse

_FORBIDDEN_MARKS = {"skip", "skipif", "xfail"}
_SHORTEST_REASON = 10


def check_whole(cls: type[Standard], kit: type[Standard], subject: Subject) -> None:
    """Refuses a class that changes, hides or weakens a check of the kit."""
    if type(subject) is not Subject or subject.standard is not cls:
        refuse("the fixture antiphon_subject is not the kit's own", "remove the fixture of that name")
    for fault, do in [*_changed_checks(cls, kit), *_forbidden_marks(cls), *_loosened_limits(cls)]:
        refuse(fault, do)


def reasons(cls: type[Standard]) -> list[str]:
    """What the report says of limits above the standard's."""
    return [
        f"{cls.__name__} ({cls.adapter}): {name} {getattr(cls, name):g} instead of {LIMITS[name]:g}: {reason}"
        for name, reason in cls.loosened.items()
    ]


def _changed_checks(cls: type[Standard], kit: type[Standard]) -> Iterator[tuple[str, str]]:
    for name in CHECKS:
        own, standard = inspect.getattr_static(cls, name, None), inspect.getattr_static(kit, name, None)
        if own is not standard or not inspect.isfunction(own):
            yield f"{cls.__name__} replaces {name}", "a standard check stays as it is: add checks under other names"
    kept = {name for name in dir(kit) if not name.startswith("__")} - SETTINGS - set(CHECKS)
    for name in sorted(kept):
        if inspect.getattr_static(cls, name, None) is not inspect.getattr_static(kit, name):
            yield f"{cls.__name__} replaces {name}", "leave what the kit is made of alone"


def _forbidden_marks(cls: type[Standard]) -> Iterator[tuple[str, str]]:
    marks = getattr(cls, "pytestmark", [])
    for mark in marks if isinstance(marks, list) else [marks]:
        if isinstance(mark, pytest.MarkDecorator | pytest.Mark) and mark.name in _FORBIDDEN_MARKS:
            yield f"{cls.__name__} is marked {mark.name}", "take the mark away; loosen a limit with a reason instead"


def _loosened_limits(cls: type[Standard]) -> Iterator[tuple[str, str]]:
    for name, standard in LIMITS.items():
        if getattr(cls, name) > standard and len(cls.loosened.get(name, "")) < _SHORTEST_REASON:
            yield (
                f"{cls.__name__} raises {name} from {standard:g} to {getattr(cls, name):g} and does not say why",
                f"lower it, or say why: loosened = {{{name!r}: 'the engine ...'}}",
            )
    for name in set(cls.loosened) - set(LIMITS):
        yield f"{cls.__name__} loosens {name}, which is no limit", f"the limits are: {', '.join(LIMITS)}"
