"""Judges whether a worker could speak what is wanted, whatever it is doing now. Pure, and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon_core.models import Capability, ModelInfo
from antiphon_core.registry.base import ModelState, ModelStatus, WorkerDescription

from antiphon_orchestrator.speech.policies import Rules

_KEPT_WISHES = 64
_KEPT_VERDICTS = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an utterance needs. `voice` is `model/voice`, `model`, or empty for any worker's default."""

    voice: str = ""
    language: str = ""
    capabilities: frozenset[Capability] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`voice` is the public id of the voice that would speak; empty: none could, and `why` says why not."""

    voice: str = ""
    why: str = ""
    resident: bool = False
    places: int = 1


class Judge:
    """Remembers its verdicts: a worker's load changes all the time, and what it can speak hardly ever."""

    def __init__(self) -> None:
        self._by_wish: dict[tuple[Wanted, Rules], dict[int, tuple[Sequence[ModelStatus], str, Verdict]]] = {}

    def verdicts(self, wanted: Wanted, rules: Rules, fleet: Sequence[WorkerDescription]) -> list[Verdict]:
        """One for each worker, in their order."""
        known = self._by_wish.get((wanted, rules))
        if known is None or len(known) > _KEPT_VERDICTS:
            if len(self._by_wish) >= _KEPT_WISHES:
                self._by_wish.clear()
            known = self._by_wish[wanted, rules] = {}
        found = []
        for worker in fleet:
            # Unchanged models are the same object in every description; keeping it keeps its id from another one.
            entry = known.get(id(worker.models))
            if entry is None or entry[0] is not worker.models or entry[1] != worker.default_model:
                entry = known[id(worker.models)] = (worker.models, worker.default_model, judge(worker, wanted, rules))
            found.append(entry[2])
        return found


def judge(worker: WorkerDescription, wanted: Wanted, rules: Rules) -> Verdict:
    """Looks at one worker."""
    model_id, _, voice_id = wanted.voice.partition("/")
    status = worker.status(model_id)
    if status is None:
        return Verdict(why=f"has no model {model_id!r}")
    info = status.info
    if rules.licences and info.licence not in rules.licences:
        return Verdict(why=f"the licence of {info.id}, {info.licence}, is not allowed")
    missing = (wanted.capabilities | rules.policy.needs) - info.capabilities
    if missing:
        return Verdict(why=f"{info.id} cannot do {', '.join(sorted(capability.value for capability in missing))}")
    if voice_id and all(voice.id != voice_id for voice in info.voices):
        return Verdict(why=f"{info.id} has no voice {voice_id!r}")
    voice = voice_id or _voice_for(info, wanted.language)
    if not voice:
        return Verdict(why=f"no voice of {info.id} speaks {wanted.language}")
    return Verdict(f"{info.id}/{voice}", "", status.state is ModelState.RESIDENT, info.max_concurrency)


def _voice_for(info: ModelInfo, language: str) -> str:
    """The default voice, else the first that speaks the language. Empty: there is none."""
    ordered = sorted(info.voices, key=lambda voice: voice.id != info.default_voice)
    return next((voice.id for voice in ordered if not language or _speaks(voice.languages, language)), "")


def _speaks(languages: Sequence[str], wanted: str) -> bool:
    primary = wanted.lower().split("-")[0]
    return any(tag.lower().split("-")[0] == primary for tag in languages)
