"""What can be wrong with an engine's environment."""

from __future__ import annotations

from antiphon_core.errors import AntiphonError


class NoEnvironment(AntiphonError):
    """The engine's environment is not there, cannot be made, or is not whole."""
