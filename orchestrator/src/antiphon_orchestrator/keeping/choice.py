"""Where the settings say that things are kept."""

from __future__ import annotations

from antiphon_core.errors import BadSettings
from antiphon_core.registry.redis_url import FORMS, is_redis, without_secrets

from antiphon_orchestrator.keeping.base import Keep
from antiphon_orchestrator.keeping.in_redis import InRedis


def keep_for(url: str) -> Keep | None:
    """None: nowhere but here. Raises BadSettings."""
    if not url:
        return None
    if not is_redis(url):
        raise BadSettings(
            f"keep {without_secrets(url)!r} is no Redis; it is empty or one of {', '.join(FORMS)}",
            subject="keep",
            allowed=FORMS,
        )
    return InRedis(url)
