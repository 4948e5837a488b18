"""A real Prometheus scrapes the reporter: an alert fires when a policy is gone, and ends when it is back."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.e2e.cluster import CHART, until
from tests.e2e.world import SOON, pods, policy, server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.cluster import Object, Space

# How to run a server that reaches pods, and the address at which this machine reaches that server.
NODE_RUN = shlex.split(os.environ.get("NETPROOF_NODE_RUN", "ip netns exec netproof-node"))
NODE_ADDRESS = os.environ.get("NETPROOF_NODE_ADDRESS", "10.250.0.2")
PORT = 19090
ONLY_BACKEND: Object = policy("database", {"app": "db"}, ingress=[{"from": [pods(app="backend")]}])
VALUES: Object = {
    "podLabels": {"app": "frontend"},
    "settings": SOON,
    "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
    "control": {"enabled": True, "podLabels": {"app": "backend"}},
    "reporter": {"enabled": True, "interval": "2s"},
}
pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="not installed: prometheus (Debian: prometheus)"
)


class Prometheus:
    """A server that is asked over its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, text: str) -> list[Any]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": text}, trust_env=False)
        found: list[Any] = answer.raise_for_status().json()["data"]["result"]  # while it starts, it answers with 503
        return found

    def firing(self) -> set[str]:
        return {each["metric"]["alertname"] for each in self.query('ALERTS{alertstate="firing"}')}


@pytest.fixture
def release(space: Space, image: str) -> Space:
    space.apply(*server("db", 27017, image=image), *server("catalog", 8080, image=image), ONLY_BACKEND)
    space.kubectl("rollout", "status", "deployment")
    space.install(VALUES)
    space.kubectl("rollout", "status", "deployment/netproof-reporter")
    return space


@pytest.fixture
def prometheus(release: Space, tmp_path: Path) -> Iterator[Prometheus]:
    (pod,) = release.objects("pods", "-l", "app.kubernetes.io/component=reporter")
    values = VALUES | {"prometheusRule": {"enabled": True}}
    rendered = release.cluster.helm("template", "netproof", str(CHART), "-n", release.name, values=values)
    rule = next(each for each in yaml.safe_load_all(rendered) if each and each["kind"] == "PrometheusRule")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    scrape = {
        "job_name": "netproof-reporter",
        "honor_labels": True,
        "static_configs": [{"targets": [f"{pod['status']['podIP']}:8080"], "labels": {"namespace": release.name}}],
    }
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    files = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    command = [*NODE_RUN, "prometheus", *files, f"--web.listen-address={NODE_ADDRESS}:{PORT}"]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        found = Prometheus(f"http://{NODE_ADDRESS}:{PORT}")
        try:
            until("Prometheus scrapes the reporter", lambda: _ready(found))
            yield found
        finally:
            process.terminate()


def _ready(prometheus: Prometheus) -> bool:
    try:
        return bool(prometheus.query("netproof_build_info"))
    except httpx.HTTPError:
        return False


def test_a_policy_that_is_gone_is_an_alert_until_it_is_back(release: Space, prometheus: Prometheus) -> None:
    state = 'netproof_check_state{list="deny", vantage="netproof"}'
    release.run("netproof-control")
    assert release.run().completed
    until("the check passes", lambda: [each["value"][1] for each in prometheus.query(state)] == ["0"])
    until("it is proven", lambda: prometheus.query("netproof_denial_proven == 1"))
    assert prometheus.firing() == set()

    release.kubectl("delete", "networkpolicy", "database")
    assert not release.run().completed
    until("the alert fires", lambda: prometheus.firing() == {"NetproofLeak"})

    release.apply(ONLY_BACKEND)
    assert release.run().completed
    until("the alert ends", lambda: prometheus.firing() == set())

    panels = json.loads((CHART / "files" / "dashboard.json").read_text())["panels"]
    empty = {"netproof_check_lag_seconds", "netproof_messages"}  # no policy was slow, and there are no channels
    for panel in panels:
        for target in panel["targets"]:
            text = re.sub(r"\$(job|namespace)\b", ".*", target["expr"]).replace("$__rate_interval", "1m")
            found = prometheus.query(text)
            assert found or any(name in text for name in empty), (panel["title"], text)
