"""The reporter on a cluster: what vantages that can reach nobody have to say, each thing once."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.cluster import until
from tests.e2e.world import DNS, SOON, policy, server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.cluster import Object, Space
    from tests.e2e.conftest import Outside

NAMES = ("v1", "v2", "v3", "v4", "v5")
BOUND = {"team": "vantages"}
LEAK = "1 new leak: tcp://db:27017 from 5 places"


class Release:
    """Five vantages that may reach the catalog and nothing else, no channel either; and a reporter elsewhere."""

    def __init__(self, shop: Space, ops: Space, outside: Outside, image: str) -> None:
        self.shop, self.ops, self.outside = shop, ops, outside
        shop.deploy(
            *server("catalog", 8080, image=image),
            *server("db", 27017, image=image),
            policy("vantages", BOUND, egress=[DNS, {"to": [{"podSelector": {"matchLabels": {"app": "catalog"}}}]}]),
        )
        self.values = {
            "settings": SOON,
            "podLabels": BOUND,
            "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
            "vantages": {name: {"namespace": shop.name} for name in NAMES},
            "reporter": {"enabled": True, "interval": "1s", "groupWithin": "40s"},
            "notifications": {"channels": {"hook": outside.json_url}},
        }
        ops.install(self.values)
        ops.kubectl("rollout", "status", "deployment", "netproof-reporter", "--timeout=90s")

    def run(self) -> list[int]:
        """Run every vantage at once; return the exit codes."""
        with ThreadPoolExecutor(len(NAMES)) as pool:
            return [run.code for run in pool.map(self.shop.run, [f"netproof-{name}" for name in NAMES])]

    def hear(self) -> str:
        """Wait for a message; return what its title says."""
        title: str = json.loads(self.outside.next()["body"])["title"]
        return title.partition("netproof: ")[2]

    def mistake(self) -> None:
        """Let the vantages into the database."""
        to_db: Object = {"to": [{"podSelector": {"matchLabels": {"app": "db"}}}]}
        self.shop.apply(policy("mistake", BOUND, egress=[to_db]))

    def mend(self) -> None:
        self.shop.kubectl("delete", "networkpolicy", "mistake")

    def state(self) -> bytes:
        data: Any = self.ops.get("secret", "netproof-reporter-state").get("data") or {}
        return base64.b64decode(data.get("state", ""))

    def logs(self) -> str:
        return self.ops.kubectl("logs", "deployment/netproof-reporter", check=False)


@pytest.fixture
def release(spaces: Callable[..., Space], outside: Outside, image: str) -> Release:
    return Release(spaces("netproof-reporter-shop"), spaces("netproof-reporter-ops"), outside, image)


def test_each_thing_is_said_once_whatever_happens_to_the_reporter(release: Release) -> None:
    assert release.run() == [0] * 5
    until("the runs to be remembered", lambda: len(release.state()) > 100)

    release.mistake()
    assert release.run() == [1] * 5
    assert release.hear() == LEAK

    # An upgrade, a rollback and a killed reporter remember what was said.
    release.ops.install({**release.values, "cluster": "prod"}, verb="upgrade")
    release.ops.cluster.helm("rollback", "netproof", "1", "-n", release.ops.name)
    release.ops.kubectl("rollout", "status", "deployment", "netproof-reporter", "--timeout=90s")
    assert len(release.state()) > 100
    release.mend()
    assert release.run() == [0] * 5
    release.ops.kubectl("delete", "pod", "-l", "app.kubernetes.io/component=reporter", "--force", "--grace-period=0")
    assert release.hear() == "1 leak over: tcp://db:27017 from 5 places"

    # A vantage that says nothing is a finding, with the reason.
    release.shop.kubectl("patch", "cronjob", "netproof-v1", "-p", '{"spec":{"suspend":true}}')
    assert release.hear() == "1 new overdue vantage: v1 in " + release.shop.name + f" from {release.shop.name}/v1"
    release.shop.kubectl("delete", "cronjob", "netproof-v2")
    assert release.hear().startswith("1 new overdue vantage: v2 in")
    image = {"containers": [{"name": "netproof", "image": "localhost/none:none", "imagePullPolicy": "Never"}]}
    change = {"spec": {"jobTemplate": {"spec": {"template": {"spec": image}}}}}
    release.shop.kubectl("patch", "cronjob", "netproof-v3", "-p", json.dumps(change))
    release.shop.start("netproof-v3")
    body = json.loads(release.outside.next()["body"])
    assert "ErrImageNeverPull" in body["message"]
    assert release.outside.silent()


def test_its_rights_are_those_that_it_needs(release: Release) -> None:
    """It works (see above) with exactly these."""
    who = f"system:serviceaccount:{release.ops.name}:netproof-reporter"

    def may(verb: str, what: str, space: Space) -> bool:
        return space.kubectl("auth", "can-i", verb, *what.split(), "--as", who, check=False).startswith("yes")

    for what in ("cronjobs.batch", "jobs.batch", "pods"):
        assert may("list", what, release.shop)
        assert not any(
            may(verb, what, release.shop) for verb in ("get", "watch", "create", "delete", "update", "patch")
        )
    for what in ("secrets", "pods --subresource=log", "configmaps", "networkpolicies.networking.k8s.io"):
        assert not any(may(verb, what, release.shop) for verb in ("get", "list", "watch"))
    state = "secrets/netproof-reporter-state"
    assert {verb for verb in ("get", "update", "delete", "patch", "watch") if may(verb, state, release.ops)} == {
        "get",
        "update",
    }
    assert not may("get", "secrets/another", release.ops)


def test_status_at_a_terminal_says_the_same(release: Release) -> None:
    from tests.checker.command import netproof  # noqa: PLC0415

    release.mistake()
    assert release.run() == [1] * 5
    selector = "netproof-vantage"
    listed = release.shop.kubectl("get", "cronjobs,jobs,pods", "-l", selector, "-o", "json")
    shown = netproof("status", input=listed)
    assert shown.returncode == 1
    assert sum("LEAK" in line for line in shown.stdout.splitlines()) == 5
    assert release.hear() == LEAK
