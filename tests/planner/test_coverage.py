"""Which policies the checks of values cover."""

from __future__ import annotations

from typing import Any

from planner.checks import Checks
from planner.coverage import Coverage, coverage
from planner.values import read_values
from tests.planner.world import DNS, SHOP, Object, app, inventory, policy, service, values_of


def covered(values: Any, *objects: Object) -> Coverage:
    return coverage(Checks(inventory(*objects), read_values(values, "shop")))


def test_suggested_values_notice_every_policy_of_the_shop() -> None:
    found = covered(values_of(*SHOP), *SHOP)
    assert set(found.parts.values()) == {True}
    assert found.percent == 100
    assert not found.workloads
    assert not found.services


def test_a_check_notices_only_what_changes_it() -> None:
    values = {"podLabels": {"app": "report"}, "targets": {"allow": ["catalog:8080"], "deny": ["http://db", "db:27017"]}}
    found = covered(values, *SHOP)
    assert found.parts == {
        "shop/db": True,  # the denial would become a leak
        "shop/db ingress[0]": False,  # the back end would be denied, but no vantage checks it from there
        "shop/frontend": False,
        "shop/frontend egress[0]": False,
        "shop/frontend egress[1]": False,
    }
    assert found.percent == 20
    assert found.unknown == ("netproof: http://db",)
    assert "Deployment/frontend in shop" in found.workloads


def test_a_target_that_cannot_be_read_is_not_in_the_input() -> None:
    values = {"podLabels": {"app": "report"}, "targets": {"allow": ["catalog:8080"], "deny": ["db:99999"]}}
    assert covered(values, *SHOP).unknown == ("netproof: db:99999",)


def test_a_rule_that_changes_nothing_does_not_count() -> None:
    twice = policy("db-again", {"app": "db"}, ingress=[{"from": [app("backend")]}])
    found = covered(values_of(*SHOP, twice), *SHOP, twice)
    assert {name for name, noticed in found.parts.items() if noticed is None} == {
        "shop/db",
        "shop/db ingress[0]",
        "shop/db-again",
        "shop/db-again ingress[0]",
    }


def test_without_dns_every_check_by_name_changes() -> None:
    values = {"podLabels": {"app": "frontend"}, "targets": {"allow": ["catalog:8080"]}}
    assert covered(values, *SHOP).parts["shop/frontend egress[1]"] is True
    values["targets"] = {"allow": ["10.43.0.9:8080"]}
    objects = [each for each in SHOP if (each["kind"], each["metadata"]["name"]) != ("Service", "catalog")]
    objects.append(service("catalog", {"app": "catalog"}, 8080, clusterIP="10.43.0.9"))
    assert covered(values, *objects).parts["shop/frontend egress[1]"] is False


def test_without_dns_a_check_changes_that_is_only_partly_reachable_today() -> None:
    block = {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}  # the address of the catalog is not known
    objects = [each for each in SHOP if (each["kind"], each["metadata"]["name"]) != ("NetworkPolicy", "frontend")]
    objects.append(policy("frontend", {"app": "frontend"}, egress=[block, DNS], policyTypes=["Egress"]))
    parts = covered({"podLabels": {"app": "frontend"}, "targets": {"allow": ["catalog:8080"]}}, *objects).parts
    assert (parts["shop/frontend egress[0]"], parts["shop/frontend egress[1]"]) == (False, True)


def test_the_control_notices_too() -> None:
    """Only the control uses what this rule permits: without the rule, the control cannot reach its targets."""
    values = {
        "podLabels": {"app": "report"},
        "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
        "control": {"enabled": True, "podLabels": {"app": "backend"}},
    }
    assert covered(values, *SHOP).parts["shop/db ingress[0]"] is True


def test_what_policies_do_not_decide_is_not_counted() -> None:
    checks = ["db:27017", "sandbox://root", {"name": "ours", "command": ["true"]}]
    assert covered({"podLabels": {"app": "report"}, "targets": {"allow": checks}}, *SHOP).unknown == ()
