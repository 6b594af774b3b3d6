"""What an operator and a caller may set beyond the contract, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antiphon_core.errors import AntiphonError, BadRequest, BadSettings

_SWITCH = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the networks run. Each is off unless asked for."""

    fp16: bool = False
    tensorrt: bool = False
    vllm: bool = False

    @classmethod
    def read(cls, options: Mapping[str, str]) -> EngineOptions:
        allowed = ("fp16", "tensorrt", "vllm")
        if unknown := sorted(set(options) - set(allowed)):
            raise BadSettings(
                f"the engine has no option {', '.join(unknown)}; it has {', '.join(allowed)}, each true or false",
                subject=unknown[0],
                allowed=allowed,
            )
        return cls(**{name: _switch(name, value, BadSettings) for name, value in options.items()})


@dataclass(frozen=True, slots=True)
class UtteranceOptions:
    """How one utterance is to be said."""

    instruct: str = ""
    tags: bool = False

    @classmethod
    def read(cls, options: Mapping[str, str]) -> UtteranceOptions:
        allowed = ("instruct", "tags")
        if unknown := sorted(set(options) - set(allowed)):
            raise BadRequest(
                f"there is no option {', '.join(unknown)}; there is `instruct` (how to speak, in words) and `tags` "
                "(true: the text may hold the engine's own, such as [laughter])",
                subject=unknown[0],
                allowed=allowed,
            )
        return cls(options.get("instruct", "").strip(), _switch("tags", options.get("tags", "false"), BadRequest))


def _switch(name: str, value: str, error: type[AntiphonError]) -> bool:
    if value.lower() not in _SWITCH:
        raise error(f"option {name} is {value!r}; it is true or false", subject=name, allowed=("true", "false"))
    return _SWITCH[value.lower()]
