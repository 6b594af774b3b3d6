"""A real Prometheus scrapes real processes: every rule and every panel has data, and an alert fires when it must."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from prometheus import ROOT, RULES, Prometheus, needed, scraping
from watched_site import Site, ask, site, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
in_one_loop = pytest.mark.asyncio(loop_scope="module")

DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
_RECORDED = [
    rule["record"]
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "record" in rule
]
_METRIC = re.compile(r"\bantiphon[_:][a-z0-9_:]+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")
VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$model": ".*", "$instance": ".*"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[Site]:
    needed("prometheus")
    async with site() as house:
        yield house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(house: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """After a run in which everything happened that panels show."""
    ports = [house.port, *(worker.metrics_port for worker in house.all_workers)]
    async with scraping(tmp_path_factory.mktemp("prometheus"), ports) as prometheus:
        await prometheus.eventually("antiphon_responses_total or antiphon_workers == 3", 120.0)
        for _ in range(2):
            async with house.call() as call:
                await ask(call, house.question)
                heard = len(call.events("response.output_audio.delta"))
                await call.speak(house.question)
                await until(call, "response.output_audio.delta", heard + 50)
                await call.speak(house.question)
                await until(call, "response.done", 3)
        await prometheus.eventually('increase(antiphon_responses_total{status="completed"}[1m]) > 0', 120.0)
        yield prometheus


def panels() -> Iterator[Any]:
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield pytest.param(target["expr"], id=f"{path.stem}: {panel['title']} {target['refId']}")


@in_one_loop
@pytest.mark.parametrize("name", _RECORDED)
async def test_a_recorded_rule_has_a_value(prometheus: Prometheus, name: str) -> None:
    await prometheus.eventually(name, 60.0)


@in_one_loop
@pytest.mark.parametrize("expression", list(panels()))
async def test_a_panel_has_data(prometheus: Prometheus, expression: str) -> None:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    await prometheus.eventually(expression, 60.0)


def test_no_panel_and_no_rule_asks_for_a_metric_that_there_is_not() -> None:
    """Those that show zero where nothing has happened would never tell."""
    documented = {*re.findall(r"^\| `(antiphon_\w+)` \|", _pages(), re.MULTILINE), *_RECORDED}
    asked = {name for param in panels() for name in _METRIC.findall(str(param.values[0]))}
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        asked.update(name for rule in group["rules"] for name in _METRIC.findall(rule["expr"]))
    assert {name for name in asked if not {name, _SUFFIX.sub("", name)} & documented} == set()


@in_one_loop
async def test_nothing_fires_while_all_is_well(prometheus: Prometheus) -> None:
    assert await prometheus.query('ALERTS{alertstate="firing", severity="critical"}') == []


@in_one_loop
async def test_when_the_workers_are_killed_the_alert_fires(house: Site, prometheus: Prometheus) -> None:
    for worker in house.all_workers:
        worker.process.send(signal.SIGKILL)
    (alert,) = await prometheus.eventually('ALERTS{alertname="AntiphonNoWorkers", alertstate="firing"}', 120.0)
    assert alert["metric"]["instance"] == f"127.0.0.1:{house.port}"
    assert alert["metric"]["severity"] == "critical"


def _pages() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs/watch.md", ROOT / "docs/operate.md"))


def test_dashboards_are_provisioned_from_where_they_are() -> None:
    folder = ROOT / "deploy/grafana"
    (provider,) = yaml.safe_load((folder / "provisioning/dashboards/antiphon.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((folder / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    uids = [json.loads(path.read_text(encoding="utf-8"))["uid"] for path in DASHBOARDS]
    assert len(set(uids)) == len(uids) == 3
    assert provider["options"]["path"].endswith("dashboards")
    for path in DASHBOARDS:
        used = set(re.findall(r'"uid": "(prometheus\w*)"', path.read_text(encoding="utf-8")))
        assert used == {source["uid"]}, path
