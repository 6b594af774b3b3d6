"""The tests of `pytest --antiphon-adapter NAME`."""

from __future__ import annotations

from antiphon_core.testkit.conformance import AdapterConformance


class TestAdapter(AdapterConformance):
    """The kit at its standard limits; the plug-in sets `adapter`, `model` and `device` from the command line."""
