"""Tells Poetry what pip already knows: which package index to ask, and which certificates to trust.

Poetry speaks to its default index through that index's own JSON API, which a plain mirror (PEP 503) has not.
The mirror plug-in makes it speak the standard instead, to the address that pip uses on this machine.
"""

from __future__ import annotations

import os


def poetry_environment() -> dict[str, str]:
    """Variables for Poetry, as pip is configured here; a variable that is already set is left to its owner."""
    try:
        from pip._internal.commands import create_command
    except ImportError:  # a Python without pip has nothing to say
        return {}
    pip = create_command("install").parser.get_default_values()
    wanted = {"POETRY_PYPI_MIRROR_URL": pip.index_url, "REQUESTS_CA_BUNDLE": pip.cert, "HTTPS_PROXY": pip.proxy}
    return {name: str(value) for name, value in wanted.items() if value and name not in os.environ}
