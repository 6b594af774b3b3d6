"""Flags: the command line of a process with layered settings, one flag per setting."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from antiphon_core.settings import LayeredSettings, flag, live_fields, singular, takes_many


def add_flags(
    parser: argparse.ArgumentParser, settings_class: type[LayeredSettings], leave_out: Collection[str] = ()
) -> None:
    live = live_fields(settings_class)
    fixed_group = parser.add_argument_group("settings")
    live_group = parser.add_argument_group("settings that follow the config file while running")
    for name, field in settings_class.model_fields.items():
        if name not in leave_out:
            _add(live_group if name in live else fixed_group, name, field)


def given_flags(arguments: argparse.Namespace, settings_class: type[LayeredSettings]) -> dict[str, Any]:
    """What the user really wrote, to be laid over environment and file."""
    given = {name: getattr(arguments, name, None) for name in settings_class.model_fields}
    return {name: value for name, value in given.items() if value is not None}


def _add(group: argparse._ArgumentGroup, name: str, field: FieldInfo) -> None:
    help_text = (field.description or "").replace("%", "%%")
    if not field.is_required() and field.default not in (None, "", (), 0) and not callable(field.default_factory):
        help_text += f" (default: {str(field.default).lower() if isinstance(field.default, bool) else field.default})"
    if field.annotation is bool:
        group.add_argument(flag(name, field), dest=name, action=argparse.BooleanOptionalAction, help=help_text)
    elif takes_many(field):
        metavar = "KEY=VALUE" if get_origin(field.annotation) is dict else singular(name).upper()
        group.add_argument(flag(name, field), dest=name, action="extend", nargs="+", metavar=metavar, help=help_text)
    else:
        group.add_argument(flag(name, field), dest=name, metavar=_metavar(field), help=help_text)


def _metavar(field: FieldInfo) -> str:
    choices = [str(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        return "{" + ",".join(choices) + "}"
    return "N" if field.annotation in (int, float) else "VALUE"
