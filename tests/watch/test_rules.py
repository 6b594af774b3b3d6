"""Alerts: each fires when it should and alone, as promtool tries them; each says what is wrong and what to do."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml
from prometheus import ROOT, RULES, needed

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
TRIED = (ROOT / "deploy/prometheus/antiphon.test.yaml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/watch.md").read_text(encoding="utf-8")


@pytest.mark.timeout(120)
def test_promtool_finds_them_right_and_each_fires_when_it_should() -> None:
    promtool = needed("promtool")
    for kind, name in (("check", "antiphon.rules.yaml"), ("test", "antiphon.test.yaml")):
        done = subprocess.run(
            [promtool, kind, "rules", name], cwd=RULES.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tried_and_says_what_is_wrong_and_what_to_do(name: str) -> None:
    assert f'alertname="{name}"' in TRIED
    assert set(ALERTS[name]["annotations"]) == {"summary", "description", "action"}
    assert ALERTS[name]["labels"]["severity"] in ("warning", "critical")
    assert f"| `{name}` |" in PAGE


def test_the_page_names_no_alert_that_there_is_not() -> None:
    assert set(re.findall(r"^\| `(Antiphon\w+)` \|", PAGE, re.MULTILINE)) == set(ALERTS)
