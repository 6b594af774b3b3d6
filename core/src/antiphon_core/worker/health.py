"""The `worker-health` command: whether a running worker is ready to speak, for a container's health check.

It imports next to nothing, because supervisors run it every few seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="worker-health",
        description="Ends with status 0 if a running worker is ready to speak, else with 1.",
        epilog="It speaks no TLS: a worker that does is asked at its --health-port.",
    )
    port = os.environ.get("ANTIPHON_WORKER_HEALTH_PORT") or os.environ.get("ANTIPHON_WORKER_PORT", "50051")
    here = f"127.0.0.1:{port}"
    parser.add_argument("--worker", default=here, metavar="HOST:PORT", help="(default: %(default)s)")
    parser.add_argument("--timeout-s", type=float, default=3.0, metavar="S", help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    try:
        status = health(arguments.worker, arguments.timeout_s)
    except grpc.RpcError as error:
        print(f"worker-health: {arguments.worker} does not answer: {_reason(error)}", file=sys.stderr)
        return 1
    print(status)
    return 0 if status == "SERVING" else 1


def health(address: str, timeout_s: float) -> str:
    """What the worker says of itself; raises grpc.RpcError if it says nothing."""
    with grpc.insecure_channel(address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _reason(error: grpc.RpcError) -> str:
    details = getattr(error, "details", None)  # the base class has none, what calls raise has
    return str(details() if details else error)


if __name__ == "__main__":
    sys.exit(main())
