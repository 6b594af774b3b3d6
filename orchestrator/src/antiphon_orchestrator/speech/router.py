"""Picks the worker for an utterance. Pure: what is known of the fleet comes in, a choice and its reasons come out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from antiphon_core.errors import AntiphonError, Full, LicenceRefused, UnknownVoice, Unsupported, WorkerGone
from antiphon_core.registry.base import ModelStatus, WorkerRecord

from antiphon_orchestrator.speech.judge import Judge, Verdict, Wanted
from antiphon_orchestrator.speech.policies import Rules, stand_in_for

PickTwo = Callable[[int], tuple[int, int]]
"""Two different places among n; random in production, scripted in tests."""

_Able = tuple[WorkerRecord, Verdict]


@dataclass(frozen=True, slots=True)
class Route:
    """Where an utterance goes, and the public id of the voice that will speak. `busy` is 1 where it has to wait."""

    record: WorkerRecord
    voice: str
    resident: bool = True
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """`warm`: where the voice that was wanted should be loaded, while another one speaks for it."""

    route: Route
    warm: Route | None = None


@dataclass(frozen=True, slots=True)
class Reasoned:
    """Why a worker was taken, or was not."""

    record: WorkerRecord
    voice: str
    why: str
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known beside the fleet: our own utterances in flight by address; `keep`, through whom the session spoke
    last; `avoid`, who failed this utterance; `resting`, who failed lately."""

    own_in_flight: Mapping[str, int] = field(default_factory=dict)
    keep: str = ""
    avoid: Collection[str] = frozenset()
    resting: Collection[str] = frozenset()


@dataclass(slots=True)
class _Sieve:
    """Narrows the able workers down, step by step. `why` tells what a step had against those who fell through."""

    able: list[_Able]
    situation: Situation
    rules: Rules
    steps: list[tuple[list[_Able], Callable[[_Able], str]]] = field(default_factory=list)

    def require(self, keeps: Callable[[_Able], bool], why: Callable[[_Able], str]) -> None:
        self.able = [one for one in self.able if keeps(one)]
        self.steps.append((self.able, why))

    def prefer(self, keeps: Callable[[_Able], bool], why: Callable[[_Able], str]) -> None:
        """The same, unless nobody would be left."""
        preferred = [one for one in self.able if keeps(one)]
        if preferred:
            self.able = preferred
        self.steps.append((self.able, why))


def public_voices(status: ModelStatus) -> list[str]:
    """The public ids of a model's voices, the default one first."""
    info = status.info
    others = [voice.id for voice in info.voices if voice.id != info.default_voice]
    return [f"{info.id}/{voice}" for voice in (info.default_voice, *others)]


class Router:
    """Applies a deployment's rules. It remembers what workers can speak, and nothing else."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._judge = Judge()

    def decide(self, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation, pick_two: PickTwo) -> Decision:
        """The best worker; where the voice is nowhere in memory, a permitted other voice that is."""
        other = stand_in_for(wanted.voice, self.rules.fallbacks)
        try:
            chosen = self.route(fleet, wanted, now, pick_two)
        except AntiphonError:
            if not other:
                raise
            return Decision(self.route(fleet, replace(wanted, voice=other), now, pick_two))
        if chosen.resident or not other:
            return Decision(chosen)
        try:
            instead = self.route(fleet, replace(wanted, voice=other), now, pick_two)
        except AntiphonError:
            return Decision(chosen)
        return Decision(instead, warm=chosen) if instead.resident else Decision(chosen)

    def route(self, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation, pick_two: PickTwo) -> Route:
        """The best worker for exactly this voice."""
        sieve = self._sifted(fleet, wanted, now)
        return self._take(sieve, pick_two)

    def explain(
        self, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation, pick_two: PickTwo
    ) -> list[Reasoned]:
        """What `route` thinks of each worker: who is taken, then who could be, by name. Raises as `route` does if
        nobody can be."""
        verdicts = self._judge.verdicts(wanted, self.rules, [record.description for record in fleet])
        sieve = self._sifted(fleet, wanted, now)
        route = self._take(sieve, pick_two)
        reasons = []
        for record, verdict in zip(fleet, verdicts, strict=True):
            taken = record is route.record
            why = self._why_taken(sieve, route) if taken else verdict.why or self._why_not(sieve, (record, verdict))
            reasons.append(Reasoned(record, verdict.voice, why, taken))
        return sorted(reasons, key=lambda one: (not one.taken, not one.voice, one.record.description.worker))

    def idle_workers(self, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation) -> int:
        """How many have the voice in memory and nothing to do, beside others who have it too."""
        verdicts = self._judge.verdicts(wanted, self.rules, [record.description for record in fleet])
        able = [one for one in zip(fleet, verdicts, strict=True) if one[1].resident]
        if len(able) < 2:
            return 0
        return sum(
            not (_busy(one, now) or one[0].description.load.draining or one[0].address in now.resting) for one in able
        )

    # ---------------------------------------------------------------------- helpers

    def _sifted(self, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation) -> _Sieve:
        verdicts = self._judge.verdicts(wanted, self.rules, [record.description for record in fleet])
        sieve = _Sieve([one for one in zip(fleet, verdicts, strict=True) if one[1].voice], now, self.rules)
        if not sieve.able:
            raise _why_nobody(fleet, wanted, self.rules)
        sieve.require(lambda one: not one[0].description.load.draining, lambda _: "is about to end")
        if now.avoid:
            sieve.require(lambda one: one[0].address not in now.avoid, lambda _: "has just failed this utterance")
        if not sieve.able:
            raise Full(
                f"every worker that speaks {wanted.voice or 'the default voice'!r} is draining or has just failed; "
                "try again shortly",
                subject=wanted.voice,
                retry_after_ms=1_000,
            )
        if now.resting:
            sieve.prefer(lambda one: one[0].address not in now.resting, lambda _: "rests after failures")
        if now.keep:
            sieve.prefer(
                lambda one: one[0].address == now.keep and _busy(one, now) < 1,
                lambda _: "the session speaks through another one",
            )
        sieve.prefer(lambda one: one[1].resident, lambda _: "would have to load the model; others have it in memory")
        sieve.prefer(lambda one: _busy(one, now) < 1, lambda _: "has no free place; others have")
        if self.rules.policy.cpu_first:
            sieve.prefer(
                lambda one: one[0].description.device == "cpu",
                lambda one: f"runs on {one[0].description.device}; {self.rules.policy.name} prefers a CPU",
            )
        return sieve

    def _take(self, sieve: _Sieve, pick_two: PickTwo) -> Route:
        able, now = sieve.able, sieve.situation
        if len(able) == 1:
            chosen = able[0]
        else:
            first, second = pick_two(len(able))
            chosen = min(able[first], able[second], key=lambda one: self._cost(one, now))
        record, verdict = chosen
        return Route(record, verdict.voice, verdict.resident, _busy(chosen, now))

    def _cost(self, one: _Able, now: Situation) -> tuple[float, float]:
        busy, latency_ms = _busy(one, now), one[0].description.load.first_audio_p50_ms
        return (latency_ms, busy) if self.rules.policy.latency_first else (busy, latency_ms)

    def _why_taken(self, sieve: _Sieve, route: Route) -> str:
        if sieve.situation.keep == route.record.address:
            return "taken: the session speaks through it, and it has room"
        if len(sieve.able) == 1:
            return "taken: the only one left"
        better = "quicker" if self.rules.policy.latency_first else "less busy"
        return f"taken: the {better} of two picked at random; {_state(route.record, route.busy)}"

    def _why_not(self, sieve: _Sieve, one: _Able) -> str:
        for left, why in sieve.steps:
            if all(one[0] is not other[0] for other in left):
                return why(one)
        return f"would do as well, but was not picked; {_state(one[0], _busy(one, sieve.situation))}"


def _busy(one: _Able, now: Situation) -> float:
    """Utterances by place. Heartbeats are late and own counts see one process only: the larger one is nearer."""
    record, verdict = one
    load = record.description.load
    running = load.in_flight + load.queued
    own = now.own_in_flight.get(record.address, 0)
    return (own if own > running else running) / verdict.places


def _state(record: WorkerRecord, busy: float) -> str:
    latency_ms = record.description.load.first_audio_p50_ms
    first_audio = f"first audio after {latency_ms:.0f} ms" if latency_ms else "has not spoken yet"
    return f"{busy:.0%} of its places taken, {first_audio}"


def _why_nobody(fleet: Sequence[WorkerRecord], wanted: Wanted, rules: Rules) -> AntiphonError:
    if not fleet:
        return WorkerGone("no speech worker answers; start one with `worker --adapter NAME` and point --registry at it")
    statuses = [status for record in fleet for status in record.description.models]
    voices = sorted({voice for status in statuses for voice in public_voices(status)})
    known = {status.info.id for status in statuses} | set(voices) | {""}
    there_are = f"there are: {', '.join(voices)}"
    if wanted.voice not in known:
        return UnknownVoice(f"there is no voice {wanted.voice!r}; {there_are}", subject=wanted.voice, allowed=voices)
    model_id = wanted.voice.partition("/")[0]
    licences = {status.info.licence for status in statuses if not model_id or status.info.id == model_id}
    if rules.licences and not licences & rules.licences:
        allowed = sorted(rules.licences)
        return LicenceRefused(
            f"no voice {wanted.voice or 'at all'!r} has a licence that is allowed here; its licence is "
            f"{', '.join(sorted(licences))}, allowed are: {', '.join(allowed)}",
            subject=wanted.voice,
            allowed=allowed,
        )
    needs = sorted(capability.value for capability in wanted.capabilities | rules.policy.needs)
    missing = ", ".join([*needs, *([f"language {wanted.language!r}"] if wanted.language else [])]) or "what is allowed"
    return Unsupported(
        f"no voice {wanted.voice or 'at all'!r} offers {missing}; {there_are}", subject=wanted.voice, allowed=voices
    )
