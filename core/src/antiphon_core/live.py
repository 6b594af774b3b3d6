"""Live settings: those that follow the config file while the process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic

import structlog

from antiphon_core.errors import BadSettings
from antiphon_core.settings import S, live_fields, read_settings
from antiphon_core.stamps import Stamp, stamp_of

log = structlog.get_logger(__name__)

POLL_S = 1.0


class LiveSettings(Generic[S]):
    """Holds the settings that count now. An edit counts as a whole or, if anything in it is wrong, not at all."""

    def __init__(self, settings_class: type[S], flags: Mapping[str, Any]) -> None:
        self._class = settings_class
        self._flags = flags
        self._live = live_fields(settings_class)
        self.now = read_settings(settings_class, flags)
        self._stamp = self._look()

    async def run(self, changed: Callable[[], None]) -> None:
        """Follows the file until cancelled; calls `changed` after each edit that counts."""
        while True:
            await asyncio.sleep(POLL_S)
            if self.refresh():
                changed()

    def refresh(self) -> bool:
        """Reads the file if it is not what it was. Whether settings changed."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            edited = read_settings(self._class, self._flags)
            self._check(edited)
        except BadSettings as error:
            log.error("settings not changed", reason=error.message)
            return False
        names = self._differing(edited)
        self.now = edited
        if names:
            log.info("settings changed", **{name: getattr(edited, name) for name in names})
        return bool(names)

    def _check(self, edited: S) -> None:
        fixed = [name for name in self._differing(edited) if name not in self._live]
        if fixed:
            raise BadSettings(
                f"{', '.join(fixed)} cannot change while the process runs; restart it, or take that edit back. "
                f"What can: {', '.join(sorted(self._live))}",
                subject=fixed[0],
                allowed=tuple(sorted(self._live)),
            )

    def _differing(self, edited: S) -> list[str]:
        return [name for name in self._class.model_fields if getattr(edited, name) != getattr(self.now, name)]

    def _look(self) -> Stamp | None:
        path = self.now.config
        return None if path is None else stamp_of(path)
