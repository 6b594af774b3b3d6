from __future__ import annotations

from collections.abc import Sequence

from antiphon_core.worker.eviction import Policy, Tenant, Verdict, judge
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

NOW_S = 1_000.0


def tenant(key: str, *, size: int = 10, loaded_s: float = 500, used_s: float = 900, **more: bool) -> Tenant:
    return Tenant(key, size, NOW_S - loaded_s, NOW_S - used_s, in_use=more.pop("in_use", False), **more)


def test_nobody_leaves_without_limits() -> None:
    assert judge([tenant("a"), tenant("b")], Policy(), NOW_S, 10**12) == Verdict()


def test_the_idle_leave_when_their_time_is_over() -> None:
    policy = Policy(idle_ttl_s=60)
    assert judge([tenant("a", used_s=60), tenant("b", used_s=59)], policy, NOW_S).leave == ("a",)


def test_a_pinned_model_may_idle_for_ever() -> None:
    assert judge([tenant("a", pinned=True)], Policy(idle_ttl_s=60), NOW_S).leave == ()


def test_a_pinned_model_makes_room_like_any_other() -> None:
    assert judge([tenant("a", pinned=True)], Policy(max_models=1), NOW_S, 10).leave == ("a",)


def test_a_model_in_use_never_leaves() -> None:
    verdict = judge([tenant("a", in_use=True)], Policy(max_models=1, idle_ttl_s=1), NOW_S, 10)
    assert verdict == Verdict(leave=(), fits=False, retry_after_s=None)


def test_the_least_recently_used_leaves_first() -> None:
    tenants = [tenant("a", used_s=10), tenant("b", used_s=30), tenant("c", used_s=20)]
    assert judge(tenants, Policy(max_models=3), NOW_S, 10).leave == ("b",)
    assert judge(tenants, Policy(max_models=2), NOW_S, 10).leave == ("b", "c")


def test_nobody_leaves_needlessly_when_one_large_model_suffices() -> None:
    tenants = [tenant("small", size=1, used_s=30), tenant("large", size=50, used_s=20)]
    assert judge(tenants, Policy(max_bytes=60), NOW_S, 50).leave == ("large",)


def test_a_newcomer_larger_than_the_limit_never_fits_and_moves_nobody() -> None:
    assert judge([tenant("a")], Policy(max_bytes=60), NOW_S, 61) == Verdict(fits=False, never=True)


def test_minimum_residency_keeps_a_model_and_says_until_when() -> None:
    policy = Policy(max_models=1, min_residency_s=30)
    verdict = judge([tenant("a", loaded_s=10, used_s=10)], policy, NOW_S, 10)
    assert verdict == Verdict(leave=(), fits=False, retry_after_s=20)
    assert judge([tenant("a", loaded_s=30, used_s=10)], policy, NOW_S, 10).leave == ("a",)


def test_nobody_leaves_in_vain() -> None:
    tenants = [tenant("idle"), tenant("busy", in_use=True, size=50)]
    assert judge(tenants, Policy(max_bytes=60), NOW_S, 60) == Verdict(leave=(), fits=False)


def test_a_lowered_limit_unloads_what_it_can_without_a_newcomer() -> None:
    tenants = [tenant("a", used_s=10), tenant("b", used_s=20), tenant("c", in_use=True)]
    assert judge(tenants, Policy(max_models=2), NOW_S).leave == ("b",)
    assert judge(tenants, Policy(max_bytes=5), NOW_S).leave == ("b", "a")


def test_what_is_over_a_lowered_limit_leaves_also_when_the_newcomer_does_not_fit() -> None:
    tenants = [tenant("a"), tenant("b", in_use=True), tenant("c", in_use=True)]
    verdict = judge(tenants, Policy(max_models=2), NOW_S, 10)
    assert verdict.leave == ("a",)
    assert not verdict.fits


TENANTS = st.lists(
    st.builds(
        Tenant,
        key=st.uuids().map(str),
        size_bytes=st.integers(0, 100),
        loaded_at_s=st.floats(0, NOW_S),
        last_used_s=st.floats(0, NOW_S),
        in_use=st.booleans(),
        pinned=st.booleans(),
    ),
    max_size=7,
)
POLICIES = st.builds(
    Policy,
    max_models=st.integers(0, 5),
    max_bytes=st.integers(0, 300),
    idle_ttl_s=st.just(0.0) | st.floats(1, NOW_S),
    min_residency_s=st.just(0.0) | st.floats(1, NOW_S),
)


def within(tenants: Sequence[Tenant], policy: Policy, wanted_bytes: int | None) -> bool:
    models = len(tenants) + (wanted_bytes is not None)
    size_bytes = sum(tenant.size_bytes for tenant in tenants) + (wanted_bytes or 0)
    return (policy.max_models == 0 or models <= policy.max_models) and (
        policy.max_bytes == 0 or size_bytes <= policy.max_bytes
    )


@given(TENANTS, POLICIES, st.none() | st.integers(0, 400))
def test_a_verdict_is_sound_whatever_comes(tenants: list[Tenant], policy: Policy, wanted_bytes: int | None) -> None:
    verdict = judge(tenants, policy, NOW_S, wanted_bytes)
    leaving = [tenant for tenant in tenants if tenant.key in verdict.leave]
    staying = [tenant for tenant in tenants if tenant.key not in verdict.leave]

    assert len(set(verdict.leave)) == len(verdict.leave) == len(leaving)
    assert not any(tenant.in_use for tenant in leaving)
    assert all(NOW_S - tenant.loaded_at_s >= policy.min_residency_s for tenant in leaving)
    if verdict.fits and wanted_bytes is not None:
        assert within(staying, policy, wanted_bytes)
    if not verdict.fits:
        assert wanted_bytes is not None
        movable = [t for t in staying if not t.in_use and NOW_S - t.loaded_at_s >= policy.min_residency_s]
        assert not within([t for t in staying if t not in movable], policy, wanted_bytes)
    if verdict.never:
        assert verdict.leave == ()
        assert not within([], Policy(max_bytes=policy.max_bytes), wanted_bytes)
    for tenant in leaving:
        expired = 0 < policy.idle_ttl_s <= NOW_S - tenant.last_used_s and not tenant.pinned
        needed = not within([*staying, tenant], policy, wanted_bytes if verdict.fits else None)
        assert expired or needed


class Memory(RuleBasedStateMachine):
    """Models come, speak and go over time; the verdicts are carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.policy = Policy()
        self.tenants: dict[str, Tenant] = {}
        self.names = iter(range(10**6))

    def obey(self, verdict: Verdict) -> None:
        for key in verdict.leave:
            assert not self.tenants.pop(key).in_use

    @rule(by_s=st.floats(0, 100))
    def time_passes(self, by_s: float) -> None:
        self.now_s += by_s
        self.obey(judge(list(self.tenants.values()), self.policy, self.now_s))

    @rule(policy=POLICIES)
    def limits_change(self, policy: Policy) -> None:
        self.policy = policy

    @rule(size_bytes=st.integers(0, 120), pinned=st.booleans())
    def one_is_wanted(self, size_bytes: int, pinned: bool) -> None:
        verdict = judge(list(self.tenants.values()), self.policy, self.now_s, size_bytes)
        self.obey(verdict)
        if verdict.fits:
            key = str(next(self.names))
            self.tenants[key] = Tenant(key, size_bytes, self.now_s, self.now_s, in_use=False, pinned=pinned)
            assert within(list(self.tenants.values()), self.policy, None)

    @precondition(lambda self: self.tenants)
    @rule(data=st.data(), in_use=st.booleans())
    def one_speaks_or_ends(self, data: st.DataObject, in_use: bool) -> None:
        old = self.tenants[data.draw(st.sampled_from(sorted(self.tenants)))]
        self.tenants[old.key] = Tenant(
            old.key, old.size_bytes, old.loaded_at_s, self.now_s, in_use=in_use, pinned=old.pinned
        )

    @invariant()
    def judging_twice_changes_nothing_more(self) -> None:
        first = judge(list(self.tenants.values()), self.policy, self.now_s)
        rest = [tenant for tenant in self.tenants.values() if tenant.key not in first.leave]
        assert judge(rest, self.policy, self.now_s).leave == ()


TestMemory = Memory.TestCase
