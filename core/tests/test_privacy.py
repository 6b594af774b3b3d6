"""Nobody is told what happens here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from antiphon_core.privacy import REFUSALS


def _environment(**variables: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in REFUSALS} | variables


@pytest.mark.parametrize(("set_to", "said"), [({}, "1"), ({"ORT_DISABLE_TELEMETRY": "0"}, "0")])
def test_libraries_are_told_not_to_report_unless_somebody_wants_it(set_to: dict[str, str], said: str) -> None:
    program = "import antiphon_core.audio, os; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    printed = subprocess.check_output([sys.executable, "-c", program], env=_environment(**set_to), text=True)
    assert printed.split() == [said, "1"]
