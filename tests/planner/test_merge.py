"""A suggestion merged into values that a person has edited."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from planner.merge import merge_into
from planner.suggestion import Suggestion
from planner.values import read_values
from tests.planner.world import SHOP, deployment, inventory, policy, service, values_of

MINE = """\
# ours
cluster: prod  # the big one
vantages:
  web:            # the shop window
    namespace: shop
    podLabels: {app: frontend}
    targets:
      allow:
        - "catalog.shop.svc:8080"   # by its long name
        - gone.shop:80
        - db.shop:27017
      deny: ["example.com:443"]
"""


def merged(text: str) -> str:
    made_ = inventory(*SHOP)
    return merge_into(text, Suggestion(made_, 20), made_, "default")


def test_merge_keeps_what_a_person_wrote_and_marks_the_rest() -> None:
    found = merged(MINE)
    kept = [line for line in MINE.splitlines() if "deny" not in line and line not in found.splitlines()]
    assert not kept
    assert "        # suggest: gone: no such Service or port\n        - gone.shop:80\n" in found
    assert "        # suggest: contradicted: policies say otherwise\n        - db.shop:27017\n" in found
    assert "  # suggest: new\n  shop-backend:\n" in found
    web = yaml.safe_load(found)["vantages"]["web"]["targets"]
    assert web["allow"][0] == "catalog.shop.svc:8080"
    assert "catalog.shop:8080" not in json.dumps(web)  # it is the same target
    assert web["deny"][0] == "example.com:443"
    assert "shop-frontend" not in yaml.safe_load(found)["vantages"]  # they have it by another name


def test_merge_adds_a_control_if_it_is_suggested() -> None:
    policies = [policy("frontend", {"app": "frontend"}, policyTypes=["Egress"])]
    kinds = [deployment(name, {"app": name}) for name in ("frontend", "backend", "catalog")]
    made_ = inventory(*kinds, *policies, service("catalog", {"app": "catalog"}, 8080, clusterIP="10.43.0.9"))
    found = merge_into("cluster: prod\n", Suggestion(made_, 20), made_, "shop")
    assert "# suggest: new\ncontrol:\n" in found
    ours = merge_into("control: {enabled: false}\n", Suggestion(made_, 20), made_, "shop")
    assert yaml.safe_load(ours)["control"] == {"enabled": False}


def test_merge_adds_a_list_that_the_values_lack() -> None:
    mine = MINE.replace('      deny: ["example.com:443"]\n', "")
    assert "deny" not in mine
    denied = [each["target"] for each in yaml.safe_load(merged(mine))["vantages"]["web"]["targets"]["deny"]]
    assert "169.254.169.254:80" in denied


@pytest.mark.parametrize(
    "mine",
    [
        "vantages:\n",
        "vantages:\n  shop-frontend:\n",
        "vantages:\n  shop-frontend:\n    targets:\n",
        "vantages: {shop-frontend: {namespace: shop, podLabels: {app: frontend}, targets: {allow: [], deny: null}}}\n",
    ],
)
def test_merge_fills_what_is_empty(mine: str) -> None:
    found = merged(mine)
    lists = yaml.safe_load(found)["vantages"]["shop-frontend"]["targets"]
    assert lists == values_of(*SHOP)["vantages"]["shop-frontend"]["targets"]
    assert not re.search(r"[{\[,]\n", found)  # no comment within braces or brackets


def test_merge_gives_the_only_vantage_a_name_and_keeps_its_labels_from_the_others() -> None:
    mine = "podLabels: {app: frontend}  # ours\ntargets: {allow: ['catalog:8080']}\n"
    made_ = inventory(*SHOP)
    found = yaml.safe_load(merge_into(mine, Suggestion(made_, 20), made_, "shop"))
    assert list(found) == ["vantages"]
    assert found["vantages"]["netproof"]["podLabels"] == {"app": "frontend"}
    allowed_ = found["vantages"]["netproof"]["targets"]["allow"]
    assert [each if isinstance(each, str) else each["target"] for each in allowed_] == [
        "catalog:8080",
        "dns://kubernetes.default.svc.cluster.local",
    ]
    suggested = {each.name: each.origin for each in Suggestion(made_, 20).vantages if each.name != "shop-frontend"}
    assert {each.name: each.origin[:2] for each in read_values(found, "shop") if each.name != "netproof"} == {
        name: origin[:2] for name, origin in suggested.items()
    }


def test_merge_keeps_targets_that_a_vantage_has_from_all_vantages() -> None:
    mine = """
targets: {allow: ["x.y:1"]}
commonTargets: {deny: ["catalog.shop:8080"]}
vantages:
  web: {namespace: shop, podLabels: {app: frontend}}
  shut: {namespace: shop, podLabels: {app: backend}, isolated: true}
"""
    found = yaml.safe_load(merged(mine))
    web, shut = (each for each in read_values(found, "default") if each.name in ("web", "shut"))
    assert [each.target for each in web.allow] == ["x.y:1", "dns://kubernetes.default.svc.cluster.local"]
    assert "catalog.shop:8080" in [each.target for each in web.deny]
    assert "allow" not in found["vantages"]["shut"].get("targets", {})  # the chart would refuse it
    assert not shut.allow


def test_labels_that_all_vantages_share_do_not_change_those_of_a_new_one() -> None:
    found = yaml.safe_load(merged("podLabels: {tier: x}\nvantages: {ours: {podLabels: {app: a}, targets: {}}}\n"))
    places = {each.name: each.origin.labels for each in read_values(found, "default")}
    assert (places["ours"], places["shop-backend"]) == ({"tier": "x", "app": "a"}, {"app": "backend"})


def test_what_policies_do_not_decide_is_not_marked() -> None:
    checks = "['db:27017', sandbox://root, {name: ours, command: ['true']}]"
    found = merged(
        f"vantages: {{ours: {{namespace: batch, podLabels: {{app: report}}, targets: {{allow: {checks}}}}}}}\n"
    )
    assert "# suggest: gone: no such Service or port\n        - 'db:27017'\n" in found  # the Service is shop/db
    assert found.count("# suggest: gone") == 1


def test_merging_again_changes_only_the_marks_of_what_is_no_longer_new() -> None:
    once = merged(MINE)
    twice = merged(once)
    assert twice == "".join(line for line in once.splitlines(keepends=True) if "# suggest: new" not in line)
    assert merged(twice) == twice
