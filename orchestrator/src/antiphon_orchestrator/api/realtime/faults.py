"""What a client did wrong, in the words of the real API."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from antiphon_orchestrator.session.refusal import Refusal


class Fault(Refusal):
    """A refusal that the transport found, before any session was asked."""


def fault_of(error: ValidationError, given: object, prefix: str = "") -> Fault:
    """The most telling thing wrong with `given`, named by its path as the client wrote it."""
    details = max(error.errors(include_url=False), key=_depth)
    kind, context = details["type"], details.get("ctx", {})
    path = _path(details["loc"], given, absent=kind in ("missing", "extra_forbidden"), prefix=prefix)
    if kind == "extra_forbidden":
        return Fault(f"Unknown parameter: '{path}'.", code="unknown_parameter", param=path)
    if kind in ("missing", "union_tag_not_found"):
        name = path if kind == "missing" else f"{path}.{_bare(context)}" if path else _bare(context)
        return Fault(f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name)
    if kind in ("literal_error", "union_tag_invalid"):
        return _bad_choice(details, path)
    got = _kind_of(details.get("input"))
    if kind.endswith(("_type", "_parsing")):
        message = f"Invalid type for '{path}': {_rule(details)}, but got {got} instead."
        return Fault(message, code="invalid_type", param=path)
    return Fault(f"Invalid value for '{path}': {_rule(details)}.", code="invalid_value", param=path)


def _depth(details: ErrorDetails) -> tuple[int, bool]:
    """In a union each branch complains; the one that got deepest into the object is the one that was meant."""
    return len(details["loc"]), details["type"] != "literal_error"


def _bad_choice(details: ErrorDetails, path: str) -> Fault:
    context = details.get("ctx", {})
    is_tag = details["type"] == "union_tag_invalid"
    value = context.get("tag") if is_tag else details.get("input")
    allowed = str(context.get("expected_tags" if is_tag else "expected")).replace(" or ", ", ")
    param = (f"{path}.{_bare(context)}" if path else _bare(context)) if is_tag else path
    return Fault(f"Invalid value: '{value}'. Supported values are: {allowed}.", code="invalid_value", param=param)


def _bare(context: dict[str, Any]) -> str:
    """The name of the field that tells a union's branches apart."""
    return str(context.get("discriminator", "type")).strip("'")


def _rule(details: ErrorDetails) -> str:
    return details["msg"][0].lower() + details["msg"][1:]


def _path(location: tuple[int | str, ...], given: object, *, absent: bool, prefix: str) -> str:
    """The location without the branches of unions, which pydantic names and clients know nothing of."""
    text, node = prefix, given
    for index, part in enumerate(location):
        last = index == len(location) - 1
        child = _child(node, part)
        if child is _NOTHING and not (last and absent):
            continue
        if not last and not isinstance(child, dict | list) and _resolves(node, location[index + 1 :]):
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        node = child
    return text


_NOTHING = object()


def _resolves(node: object, parts: tuple[int | str, ...]) -> bool:
    """Whether one of the parts is found in the node: then what came before them was a branch named like a field."""
    return any(_child(node, part) is not _NOTHING for part in parts)


def _child(node: object, part: int | str) -> object:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list) and isinstance(part, int) and part < len(node):
        return node[part]
    return _NOTHING


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")
