"""Eviction: which models leave memory, and whether another one fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """A model that takes memory. One that is being loaded or is on its way out counts, with `in_use` set."""

    key: str
    size_bytes: int
    loaded_at_s: float
    last_used_s: float
    in_use: bool
    pinned: bool = False
    """Stays however long it idles; makes room like any other when room is short."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may stay in memory. 0 of any limit: none."""

    max_models: int = 0
    max_bytes: int = 0
    idle_ttl_s: float = 0.0
    min_residency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which tenants leave now, and whether what was wanted fits then.

    If it does not: `retry_after_s` is when a tenant's minimum residency ends; None if only the end of an utterance
    could help. `never`: it is too big for this worker.
    """

    leave: tuple[str, ...] = ()
    fits: bool = True
    retry_after_s: float | None = None
    never: bool = False


def judge(tenants: Sequence[Tenant], policy: Policy, now_s: float, wanted_bytes: int | None = None) -> Verdict:
    """Unloads the idle, and the least recently used as far as the limits, and what is wanted, ask for it."""
    if wanted_bytes is not None and 0 < policy.max_bytes < wanted_bytes:
        return Verdict(fits=False, never=True)
    expired = [tenant for tenant in tenants if _expired(tenant, policy, now_s)]
    staying = [tenant for tenant in tenants if tenant not in expired]
    movable = sorted((t for t in staying if _movable(t, policy, now_s)), key=lambda tenant: tenant.last_used_s)
    evicted = _enough(staying, movable, policy, wanted_bytes)
    if evicted is None and wanted_bytes is not None:
        # Nobody leaves in vain. What is over the limits without the newcomer leaves all the same.
        evicted = _enough(staying, movable, policy, None) or []
        return Verdict(_keys(expired, evicted), fits=False, retry_after_s=_protected_for(staying, policy, now_s))
    return Verdict(_keys(expired, movable if evicted is None else evicted))


def _enough(
    staying: Sequence[Tenant], movable: Sequence[Tenant], policy: Policy, wanted_bytes: int | None
) -> list[Tenant] | None:
    """The least recently used whose leaving suffices, none of them needlessly; None if nothing suffices."""
    leaving: list[Tenant] = []
    for tenant in movable:
        if _within(staying, leaving, policy, wanted_bytes):
            break
        leaving.append(tenant)
    if not _within(staying, leaving, policy, wanted_bytes):
        return None
    for tenant in list(leaving):
        spared = [other for other in leaving if other is not tenant]
        if _within(staying, spared, policy, wanted_bytes):
            leaving = spared
    return leaving


def _within(staying: Sequence[Tenant], leaving: Sequence[Tenant], policy: Policy, wanted_bytes: int | None) -> bool:
    rest = [tenant for tenant in staying if tenant not in leaving]
    models = len(rest) + (wanted_bytes is not None)
    size_bytes = sum(tenant.size_bytes for tenant in rest) + (wanted_bytes or 0)
    return (not policy.max_models or models <= policy.max_models) and (
        not policy.max_bytes or size_bytes <= policy.max_bytes
    )


def _movable(tenant: Tenant, policy: Policy, now_s: float) -> bool:
    return not tenant.in_use and now_s - tenant.loaded_at_s >= policy.min_residency_s


def _expired(tenant: Tenant, policy: Policy, now_s: float) -> bool:
    idle = 0 < policy.idle_ttl_s <= now_s - tenant.last_used_s
    return idle and not tenant.pinned and _movable(tenant, policy, now_s)


def _protected_for(staying: Iterable[Tenant], policy: Policy, now_s: float) -> float | None:
    waits = [policy.min_residency_s - (now_s - t.loaded_at_s) for t in staying if not t.in_use]
    return min((wait for wait in waits if wait > 0), default=None)


def _keys(*groups: Iterable[Tenant]) -> tuple[str, ...]:
    return tuple(tenant.key for group in groups for tenant in group)
