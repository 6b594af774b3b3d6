"""Deployment: what an engine's settings are in the words of Ray Serve."""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

from antiphon_ray import scaling
from antiphon_ray.replica import Replica
from antiphon_ray.settings import EngineSettings

LOG_LEVEL = "WARNING"
SPARES_CHILDREN = {"RAY_kill_child_processes_on_worker_exit": "false"}
"""A worker that loses its replica ends in order. Ray would kill it."""
HEALTH_PERIOD_S = 1.0
HEALTH_TIMEOUT_S = 10.0
REPORT_S = 1.0
WINDOW_S = 5.0
"""Replicas are asked five times in it, and the most streams in it count: a lull shorter than it means nothing."""


def engine(settings: EngineSettings) -> serve.Application:
    """An application of Ray Serve; also the builder that `import_path` names in its configuration files."""
    deployment = serve.deployment(
        name=settings.name,
        autoscaling_config=_scaling(settings),
        ray_actor_options=actor_options(settings),
        health_check_period_s=HEALTH_PERIOD_S,
        health_check_timeout_s=HEALTH_TIMEOUT_S,
        # Nobody calls a replica, so there is nothing to wait for but its worker.
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=settings.end_s,
        logging_config={"log_level": LOG_LEVEL},
    )(Replica)
    return deployment.bind(settings.model_dump(mode="json"))


def actor_options(settings: EngineSettings) -> dict[str, Any]:
    """What a machine must have left for one more worker."""
    options: dict[str, Any] = {
        "num_cpus": settings.cpus,
        "num_gpus": settings.gpus,
        "resources": settings.resources,
        "runtime_env": {"env_vars": SPARES_CHILDREN},
    }
    return {**options, "memory": int(settings.memory)} if settings.memory else options


def _scaling(settings: EngineSettings) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=settings.min_replicas,
        max_replicas=settings.most_replicas,
        target_ongoing_requests=settings.target_streams,
        upscale_delay_s=settings.scale_up_s,
        downscale_delay_s=settings.scale_down_s,
        metrics_interval_s=REPORT_S,
        look_back_period_s=WINDOW_S,
        aggregation_function="max",
        policy=AutoscalingPolicy(policy_function=f"{scaling.__name__}:{scaling.by_streams.__name__}"),
    )
