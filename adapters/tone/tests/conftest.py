"""What every test of tone starts from."""

from __future__ import annotations

import pytest
from antiphon_core.models import AdapterSettings
from antiphon_core.testkit import NoFiles


@pytest.fixture
def settings() -> AdapterSettings:
    return AdapterSettings(files=NoFiles())
