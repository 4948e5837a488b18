"""The alert rules, as the chart renders them, with promtool's own rule tests; and the queries of the dashboard."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reporter.metrics import Metrics
from tests.chart.chart import CHART, kind, render
from tests.reporter.objects import Watch

HERE, DOCS = Path(__file__).parent, Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="not installed: promtool (Debian: prometheus)")
VALUES: dict[str, Any] = {
    "prometheusRule": {"enabled": True},
    "control": {"enabled": True, "namespace": "pay"},
    "vantages": {
        "web": {"targets": {"allow": ["api:443"], "deny": ["db:27017"]}},
        "live": {"mode": "continuous", "targets": {"allow": ["api:443"]}},
    },
}
WITH: dict[str, dict[str, Any]] = {
    "jobs": {},
    "reporter": {"reporter": {"enabled": True}, "dashboard": {"enabled": True}},
}


def groups(name: str) -> list[dict[str, Any]]:
    (rule,) = kind(render(VALUES | WITH[name]), "PrometheusRule").values()
    found: list[dict[str, Any]] = rule["spec"]["groups"]
    return found


@pytest.mark.parametrize("name", ["jobs", "reporter"])
def test_alerts_fire_and_end(name: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups(name)}))
    shutil.copy(HERE / f"{name}.yaml", tmp_path)
    command = ["promtool", "test", "rules", f"{name}.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_runbook_and_a_name_of_its_own() -> None:
    headings = {line[4:].lower() for line in (DOCS / "alerts.md").read_text().splitlines() if line.startswith("### ")}
    alerts = [rule for name in WITH for group in groups(name) for rule in group["rules"] if "alert" in rule]
    assert {rule["annotations"]["runbook_url"].partition("#")[2] for rule in alerts} == headings
    assert all(rule["alert"].startswith("Netproof") for rule in alerts)
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in alerts)


@pytest.mark.parametrize("name", WITH)
def test_no_placeholder_is_left(name: str) -> None:
    assert not re.search(r"\b(NAMESPACES?|CRONJOBS|DEPLOYMENTS|[A-Z_]*COUNT|SERVICE)\b", json.dumps(groups(name)))


def test_the_dashboard_is_json_in_a_configmap() -> None:
    (found,) = (
        each
        for each in kind(render(VALUES | WITH["reporter"]), "ConfigMap").values()
        if "netproof.json" in each["data"]
    )
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["netproof.json"])["title"] == "netproof"


def test_the_dashboard_uses_metrics_of_the_reporter() -> None:
    exposed = Metrics(Watch().look(), {}, {}).expose().decode()
    known = {name.removesuffix("_total") for name in re.findall(r"^# HELP (\w+)", exposed, re.MULTILINE)}
    asked = set(re.findall(r"netproof_\w+", (CHART / "files" / "dashboard.json").read_text()))
    asked |= set(re.findall(r"netproof_\w+", (CHART / "files" / "alerts-reporter.yaml").read_text()))
    assert {name.removesuffix("_total") for name in asked} <= known
