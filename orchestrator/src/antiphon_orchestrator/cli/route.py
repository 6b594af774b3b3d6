"""`antiphon route`: which worker would speak, and why each of the others would not."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress

from antiphon_core.errors import AntiphonError
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.logs import set_up_logs
from antiphon_core.models import Capability
from antiphon_core.registry.base import WorkerRecord
from antiphon_core.settings import read_settings

from antiphon_orchestrator.providers import dialer_for, fleet_of, rules_of
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.speech.fleet_speech import pick_two_at_random
from antiphon_orchestrator.speech.judge import Wanted, judge
from antiphon_orchestrator.speech.router import Reasoned, Router, Situation
from antiphon_orchestrator.speech.trust import TrustedFleet

_STILL_S = 0.3
_FLEET = ("registry", "fleet_ca", "fleet_cert", "fleet_key", "fleet_name")
_SETTINGS = ("config", *_FLEET, "voice", "language", "routing", "fallbacks", "licences")


def main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    settings = read_settings(ServerSettings, given_flags(arguments, ServerSettings))
    set_up_logs("warning", "console")
    view = asyncio.run(_seen(settings, arguments.wait))
    fleet = view.workers()
    if not fleet and not view.reachable:
        raise ConnectionError("the registry cannot be read, so nothing is known of the workers; the reason is above")
    if arguments.keep and all(record.address != arguments.keep for record in fleet):
        print(f"no worker is at {arguments.keep}: chosen as for a session that has not spoken yet", file=sys.stderr)
    wanted = Wanted(settings.voice, settings.language, frozenset(Capability(name) for name in arguments.need or ()))
    router, now = Router(rules_of(settings)), Situation(keep=arguments.keep)
    reasons, failure = _explained(router, fleet, wanted, now)
    reasons += [Reasoned(record, "", view.why_refused()) for record in view.refused()]
    _show(reasons if arguments.explain or failure else reasons[:1], as_json=arguments.json)
    return _tell_stand_in(router, fleet, wanted, now, failure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="antiphon route",
        description="Shows which worker would speak now. Reads the registry itself; what a running server knows beside "
        "it, its own utterances and who failed lately, counts there and not here.",
    )
    parser.add_argument("--explain", action="store_true", help="say of every worker why it was taken or was not")
    parser.add_argument("--need", action="append", choices=[one.value for one in Capability], help="what it must do")
    parser.add_argument("--keep", default="", metavar="ADDRESS", help="the worker that the session spoke through last")
    parser.add_argument("--wait", type=float, default=2.0, metavar="S", help="how long to look for workers")
    parser.add_argument("--json", action="store_true", help="for programs")
    fields = set(ServerSettings.model_fields)
    add_flags(parser, ServerSettings, leave_out=fields - set(_SETTINGS))
    return parser


async def _seen(settings: ServerSettings, wait_s: float) -> TrustedFleet:
    """Who is there; looks until the view has not changed for a moment, or the time is over."""
    fleet, changed = fleet_of(settings, dialer_for(settings)), asyncio.Event()
    fleet.subscribe(changed.set)
    following = asyncio.create_task(fleet.run())
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await changed.wait()
            while True:
                changed.clear()
                async with asyncio.timeout(min(_STILL_S, wait_s)):
                    await changed.wait()
    following.cancel()
    await asyncio.wait({following})
    return fleet


def _explained(
    router: Router, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation
) -> tuple[list[Reasoned], AntiphonError | None]:
    try:
        return router.explain(fleet, wanted, now, pick_two_at_random), None
    except AntiphonError as error:
        verdicts = [judge(record.description, wanted, router.rules) for record in fleet]
        whys = (verdict.why or "is about to end" for verdict in verdicts)
        return [Reasoned(record, "", why) for record, why in zip(fleet, whys, strict=True)], error


def _tell_stand_in(
    router: Router, fleet: Sequence[WorkerRecord], wanted: Wanted, now: Situation, failure: AntiphonError | None
) -> int:
    try:
        decision = router.decide(fleet, wanted, now, pick_two_at_random)
    except AntiphonError:
        assert failure is not None, "what can be explained can be decided"
        raise failure from None
    if decision.warm is not None or failure is not None:
        print(f"{decision.route.voice} speaks for it, at {decision.route.record.address}", file=sys.stderr)
    if decision.warm is not None:
        print(f"{decision.warm.voice} is loaded meanwhile, at {decision.warm.record.address}", file=sys.stderr)
    return 0


def _show(reasons: Sequence[Reasoned], *, as_json: bool) -> None:
    rows = [
        {
            "worker": one.record.description.worker,
            "address": one.record.address,
            "voice": one.voice,
            "taken": one.taken,
            "why": one.why,
        }
        for one in reasons
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    if as_json or not rows:
        return
    cells = [("WORKER", "ADDRESS", "VOICE", "WHY")]
    cells += [(one.record.description.worker, one.record.address, one.voice, one.why) for one in reasons]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    for *columns, why in cells:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(columns, widths, strict=True)) + f"  {why}")
