"""Policies: what a deployment prefers among the workers that could speak. Chosen by name in the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from antiphon_core.models import Capability


@dataclass(frozen=True, slots=True)
class Policy:
    """`needs`: what a model must be able to do. `cpu_first`: other devices only where no CPU has a free place.
    `latency_first`: the quicker of two workers with free places, not the less busy one."""

    name: str
    needs: frozenset[Capability] = frozenset()
    cpu_first: bool = False
    latency_first: bool = False


DEFAULT = Policy("default")
POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            DEFAULT,
            Policy("cheapest-cpu", cpu_first=True),
            Policy("fastest", latency_first=True),
            Policy("cloning", needs=frozenset({Capability.CLONING})),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """A deployment's rules. `licences`: those that models may have; empty: any. `fallbacks`: who may speak for whom."""

    policy: Policy = DEFAULT
    licences: frozenset[str] = frozenset()
    fallbacks: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)


def stand_in_for(voice: str, fallbacks: Mapping[str, str]) -> str:
    """Who may speak for a voice, by its own name or its model's. Empty: nobody."""
    return fallbacks.get(voice) or fallbacks.get(voice.partition("/")[0], "")
