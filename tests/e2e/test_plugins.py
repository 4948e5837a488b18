"""All kinds of network plugins: how they deny packets, and how they treat a new pod at first.

They are those of the cluster whose policy controller reads a ConfigMap. Each test starts its Jobs at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import namespaces
from tests.e2e.world import DNS, config_map, pods, policy, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster, Object, Run, Space

DENIED_LOOKS = {"drop": "silent", "port-unreachable": "rejected", "admin-prohibited": "rejected", "reset": "closed"}
LAG = 3  # seconds
TIMES = {"open": 1, "shut": 5}  # it is the shut ones that refuse at first what a policy wrongly admits


@pytest.fixture(scope="module")
def shop(cluster: Cluster, image: str) -> Iterator[Space]:
    """One release with a vantage for each thing that can be right or wrong."""
    if cluster.objects("daemonsets", "-n", "kube-system"):
        pytest.skip(
            "the network plugin of this cluster cannot be switched: it is no policy controller with a ConfigMap"
        )
    with namespaces(cluster) as make:
        space = make("plugins")
        space.deploy(
            *server("catalog", 8080, image=image),
            *server("db", 27017, image=image),
            *server("lax", 27017, image=image),
            policy("right", {"app": "frontend"}, egress=[DNS, {"to": [pods(app="catalog")]}]),
            policy("lax", {"app": "lax"}, ingress=[{"from": [pods(app="backend"), pods(app="batch")]}]),
            policy("mute", {"app": "mute"}, egress=[{"to": [pods(app="catalog")]}]),
            policy("shut", {"app": "shut"}, egress=[]),
        )
        addresses = {name: space.get("service", name)["spec"]["clusterIP"] for name in ("catalog", "db")}
        space.install(
            {
                "fullnameOverride": "from",
                "cronjob": {"failedJobsHistoryLimit": max(TIMES.values())},
                "extraArgs": ["--output", "json"],
                "podLabels": {"app": "frontend"},
                "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
                "vantages": {
                    "right": {},
                    "tolerant": {"settings": {"closed": "pass"}},
                    "missing": {"podLabels": {"app": "batch"}},
                    "lax": {"podLabels": {"app": "batch"}, "targets": {"deny": ["lax:27017"]}},
                    "mute": {"podLabels": {"app": "mute"}, "settings": {"closed": "pass"}},
                    "shut": {
                        "podLabels": {"app": "shut"},
                        "settings": {"closed": "pass"},
                        "targets": {
                            "allow": ["catalog:8080", f"{addresses['catalog']}:8080"],
                            "deny": ["db:27017", f"{addresses['db']}:27017"],
                        },
                    },
                },
            }
        )
        yield space
        cluster.kubectl("delete", "configmap", "policy-controller", "-n", "kube-system", "--ignore-not-found")


# Each look once, and both kinds of first moments for the usual one; a reset while open is the hardest to read.
@pytest.mark.parametrize(
    ("deny", "start"),
    [
        ("drop", "open"),
        ("drop", "shut"),
        ("port-unreachable", "shut"),
        ("admin-prohibited", "open"),
        ("reset", "open"),
    ],
)
def test_verdicts_are_true_whatever_the_plugin_does(shop: Space, deny: str, start: str) -> None:
    plugin = config_map("policy-controller", {"deny": deny, "start": start, "lag": f"{LAG}s"})
    shop.cluster.apply({**plugin, "metadata": {**plugin["metadata"], "namespace": "kube-system"}})
    names = ["right", "tolerant", "missing", "mute", "shut", *["lax"] * TIMES[start]]
    jobs = [(name, shop.start(f"from-{name}")) for name in names]
    runs: dict[str, list[Run]] = {}
    for name, job in jobs:
        runs.setdefault(name, []).append(shop.ended(job))

    (right,), (tolerant,), (missing,), (mute,), (shut,) = (runs[name] for name in names[:5])
    holds(right, tolerant, deny)
    the_lag_is_reported(tolerant, start)

    assert (missing.code, missing.check("db")["finding"]) == (1, "leak"), str(missing)
    assert [(run.code, run.check("lax")["finding"]) for run in runs["lax"]] == [(1, "leak")] * TIMES[start]
    nothing_is_green(shut)
    blocked_dns_proves_nothing(mute, start)


def holds(right: Run, tolerant: Run, deny: str) -> None:
    """A policy that denies passes; a reset does where it is said to be a denial, and else names that setting."""
    assert tolerant.completed, str(tolerant)
    assert tolerant.check("db")["outcome"] == DENIED_LOOKS[deny]
    if deny == "reset":
        assert (right.code, right.check("db")["finding"]) == (1, "leak"), str(right)
        assert "closed: pass" in right.check("db")["meaning"]
    else:
        assert right.completed, str(right)


def the_lag_is_reported(run: Run, start: str) -> None:
    denied, allowed = run.check("db"), run.check("catalog")
    if start == "open":
        assert denied["lag"], str(run)
        assert denied["lag"] >= LAG / 2
    else:
        assert denied["lag"] is None, str(run)
        assert len(allowed["attempts"]) > 1, allowed
    assert allowed["verdict"] == "pass"


def nothing_is_green(run: Run) -> None:
    """A pod without a network proves nothing, and what it must reach it does not; whatever its first moments were."""
    assert run.code == 1, str(run)
    summary: Object = run.report["summary"]
    assert (summary["pass"], summary["leaks"], summary["unreachable"], summary["inconclusive"]) == (0, 0, 2, 2), str(
        run
    )


def blocked_dns_proves_nothing(run: Run, start: str) -> None:
    """Names that do not resolve are reported so. An address that was known at first is tried, and proves nothing."""
    allowed, denied = run.check("catalog"), run.check("db")
    assert (allowed["outcome"], allowed["lag"]) == ("unresolved", None), allowed
    assert "name server" in allowed["seen"], allowed
    assert (denied["outcome"] == "unresolved") == (start == "shut"), denied
    assert denied["verdict"] == "inconclusive", denied
    assert run.report["summary"]["leaks"] == 0
