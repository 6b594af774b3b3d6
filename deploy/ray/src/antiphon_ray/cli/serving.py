"""Serving: engines on a Ray that runs, from the first replica to the last one's end."""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import ray
from antiphon_core.errors import CannotLoad
from ray import serve
from ray.exceptions import RayError
from ray.serve.config import ProxyLocation
from ray.serve.schema import ApplicationStatus, ServeStatus

from antiphon_ray.deployment import LOG_LEVEL, engine
from antiphon_ray.settings import FleetSettings

_LOOK_S = 0.5
_ENDED_S = 10.0
"""For Ray to note that a replica has ended."""


def serve_until_interrupted(address: str, fleet: FleetSettings) -> int:
    """Tells what becomes of the engines; takes them away, in order, when it is interrupted or one cannot run."""
    try:
        return _serve(address, fleet)
    except RayError as error:
        raise CannotLoad(f"Ray at {address} answers no more: {gist(str(error))}", subject=address) from None


def _serve(address: str, fleet: FleetSettings) -> int:
    with _connected(address):
        # Servers find the workers in the registry: nobody needs Ray's own proxies.
        serve.start(proxy_location=ProxyLocation.Disabled, logging_config={"log_level": LOG_LEVEL})
        targets = [serve.RunTarget(engine(each), name=each.name, route_prefix=None) for each in fleet.engines]
        try:
            serve.run_many(targets, wait_for_applications_running=False)
            _watch(fleet)
        except KeyboardInterrupt:
            print("ending; what is being spoken is spoken to its end", flush=True)
            return 0
        finally:
            _remove(fleet)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    try:
        ray.init(address, logging_level=logging.WARNING, log_to_driver=True)
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        # Ray has put its own handler there, which ends the process at once.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    except (ConnectionError, RuntimeError) as error:
        raise CannotLoad(
            f"cannot join the Ray at {address}: {gist(str(error))}; it has to be {ray.__version__}, to run on this "
            "machine, too (`ray start`), and to have the same token",
            subject=address,
        ) from None

    try:
        yield
    finally:
        ray.shutdown()


def _watch(fleet: FleetSettings) -> NoReturn:
    told: dict[str, str] = {}
    names = [each.name for each in fleet.engines]
    while True:
        status = serve.status()
        for name in names:
            if (line := _line(status, name)) != told.get(name):
                told[name] = line
                print(f"{name}: {line}", flush=True)
        if failed := [name for name in names if _state(status, name) is ApplicationStatus.DEPLOY_FAILED]:
            raise CannotLoad(f"{', '.join(failed)} cannot run: {_reason(status, failed[0])}")
        time.sleep(_LOOK_S)


def _line(status: ServeStatus, name: str) -> str:
    if name not in status.applications:
        return "waits"
    (deployment,) = [*status.applications[name].deployments.values()] or [None]
    if deployment is None:
        return "waits"
    states = {state.lower(): count for state, count in deployment.replica_states.items() if count}
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no worker yet"


def _state(status: ServeStatus, name: str) -> ApplicationStatus | None:
    return status.applications[name].status if name in status.applications else None


def _reason(status: ServeStatus, name: str) -> str:
    application = status.applications[name]
    said = [application.message, *(each.message for each in application.deployments.values())]
    return gist(next(filter(None, reversed(said)), ""))


def gist(said: str) -> str:
    """What was raised, of the many lines that Ray tells about it."""
    raised = re.findall(r"^(?:\w+\.)+\w+: (.+)$", said, re.MULTILINE)
    lines = said.strip().splitlines()
    return str(raised[-1] if raised else lines[-1] if lines else "see its log")


def _remove(fleet: FleetSettings) -> None:
    for each in fleet.engines:
        serve.delete(each.name, _blocking=False)
    end_s = time.monotonic() + max(each.end_s for each in fleet.engines) + _ENDED_S
    names = {each.name for each in fleet.engines}
    while time.monotonic() < end_s and names & set(serve.status().applications):
        time.sleep(_LOOK_S)
