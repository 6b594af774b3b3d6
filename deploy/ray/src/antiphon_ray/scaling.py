"""How many workers an engine should have. Ray carries it into its controller, so it knows nothing of this package."""

from __future__ import annotations

import math
from typing import Any

STREAMS = "streams"
"""What a replica reports: utterances that its worker speaks or keeps waiting."""


def by_streams(context: Any) -> tuple[int, dict[str, Any]]:
    """A policy of Ray Serve, which keeps it within the bounds and delays of the settings."""
    streams: float = sum((context.aggregated_metrics or {}).get(STREAMS, {}).values())
    return math.ceil(streams / context.config.target_ongoing_requests), {}
