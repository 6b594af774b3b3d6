"""hibari keeps the adapter contract."""

from __future__ import annotations

from antiphon_core.testkit import AdapterConformance


class TestHibari(AdapterConformance):
    adapter = "hibari"
