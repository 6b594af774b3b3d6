"""Settings in layers: flags over environment over a YAML file over defaults, and one clear line for a mistake."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

import yaml
from pydantic import BeforeValidator, Field, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from antiphon_core.errors import BadSettings

LIVE: dict[str, JsonValue] = {"live": True}
"""Marks a field, as its `json_schema_extra`, that follows the file while the process runs."""


def _split(value: object) -> object:
    """A list as people write it in one line: `a,b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """A mapping as people write it in one line: `a=1,b=2`, or as a list of such pairs."""
    parts = _split(value)
    if not isinstance(parts, list):
        return parts
    for part in parts:
        if "=" not in str(part):
            raise ValueError(f"{part!r} is not of the form KEY=VALUE")
    return dict(str(part).split("=", 1) for part in parts)


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split)]
Options = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]


class LayeredSettings(BaseSettings):
    """Base of a process's settings. Subclasses set `env_prefix`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, nested_model_default_partial_update=True)

    config: Path | None = Field(None, description="YAML file with any of these settings")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        flags = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        config = flags.get("config") or env_settings().get("config")
        file = (YamlConfigSettingsSource(settings_cls, yaml_file=config),) if config else ()
        return init_settings, env_settings, *file


S = TypeVar("S", bound=LayeredSettings)


def read_settings(settings_class: type[S], flags: Mapping[str, Any]) -> S:
    """The settings, or BadSettings with one line that names what is wrong and where it was set."""
    prefix = str(settings_class.model_config["env_prefix"])
    config = flags.get("config") or os.environ.get(f"{prefix}CONFIG")
    _check_file(config)
    _check_environment(settings_class, prefix)
    try:
        return settings_class(**flags)
    except ValidationError as error:
        raise _one_line(settings_class, error, flags, prefix, config) from None


def singular(name: str) -> str:
    """The name of one of them: `models` is `model`, `aliases` is `alias`."""
    return name.removesuffix("es") if name.endswith("ses") else name.removesuffix("s")


def flag(name: str, field: FieldInfo) -> str:
    """The flag of a setting. One that takes several values is named for a single one: `models` is `--model`."""
    return "--" + (singular(name) if takes_many(field) else name).replace("_", "-")


def takes_many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) in (tuple, dict)


def live_fields(settings_class: type[LayeredSettings]) -> frozenset[str]:
    """Names of the settings that may change while the process runs."""
    return frozenset(name for name, field in settings_class.model_fields.items() if field.json_schema_extra == LIVE)


def _check_file(config: str | Path | None) -> None:
    if config is None:
        return
    try:
        content = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"config: cannot read {config}: {error.strerror}", subject="config") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadSettings(f"config: {config} is not YAML: {' '.join(str(error).split())}", subject="config") from None
    if content is not None and not isinstance(content, dict):
        raise BadSettings(f"config: {config} holds a {type(content).__name__}; it holds `name: value` lines")


def _check_environment(settings_class: type[LayeredSettings], prefix: str) -> None:
    """pydantic-settings reads what it knows and passes over the rest, misspelt names among them."""
    known = {f"{prefix}{name}".upper() for name in settings_class.model_fields}
    for name in os.environ:
        if name.upper().startswith(prefix) and name.upper() not in known:
            raise _unknown(name, known, "environment")


def _one_line(
    settings_class: type[LayeredSettings],
    error: ValidationError,
    flags: Mapping[str, Any],
    prefix: str,
    config: str | Path | None,
) -> BadSettings:
    first = error.errors()[0]
    if not first["loc"]:
        return BadSettings(first["msg"].removeprefix("Value error, "))
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return _unknown(name, settings_class.model_fields, str(config))
    given_by = flag(name, settings_class.model_fields[name])
    if first["type"] == "missing":
        return BadSettings(f"{name} is not set; give {given_by} or {prefix}{name.upper()}", subject=name)
    if name in flags:
        where = given_by
    elif f"{prefix}{name}".upper() in {key.upper() for key in os.environ}:
        where = f"{prefix}{name.upper()} in the environment"
    else:
        where = f"{name} in {config}"
    reason = first["msg"].removeprefix("Value error, ")
    return BadSettings(f"{where} is {first['input']!r}: {reason}", subject=name)


def _unknown(name: str, known: Mapping[str, object] | set[str], where: str) -> BadSettings:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(sorted(known))}"
    return BadSettings(f"{where}: there is no setting {name}{hint}", subject=name, allowed=tuple(sorted(known)))
