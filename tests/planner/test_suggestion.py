from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.checks import Checks
from planner.coverage import coverage
from planner.inventory import VANTAGE_LABELS
from planner.merge import merge_into
from planner.suggestion import Suggestion, write
from planner.values import read_values, same_target, scalar
from tests.planner.random_clusters import allowed, clusters
from tests.planner.world import DNS, SHOP, Object, app, deployment, inventory, made, policy, service
from tests.tools.helm import tools

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from pathlib import Path

    from planner.coverage import Coverage


def values_of(*objects: Object, max_denials: int = 20) -> Any:
    return yaml.safe_load(write(Suggestion(inventory(*objects), max_denials)))


def targets(values: Any, vantage: str, key: str) -> list[str]:
    return [each["target"] for each in values["vantages"][vantage]["targets"][key]]


def test_allow_is_what_policies_let_through_and_deny_what_they_were_written_for() -> None:
    values = values_of(*SHOP)
    assert targets(values, "shop-backend", "allow")[1:] == ["db.shop:27017"]
    assert targets(values, "shop-frontend", "allow")[1:] == ["catalog.shop:8080"]
    assert targets(values, "batch-report", "deny") == ["db.shop:27017"]  # one place outside of the namespace
    assert targets(values, "shop-catalog", "deny") == ["db.shop:27017"]  # and one in it, whose own policies let it out
    assert "169.254.169.254:80" in targets(values, "shop-frontend", "deny")
    assert values["vantages"]["shop-frontend"]["podLabels"] == {"app": "frontend"}
    (denial,) = values["vantages"]["batch-report"]["targets"]["deny"]
    assert "NetworkPolicy shop/db" in denial["because"]
    assert "control" not in denial  # the back end shows that it is up


def test_vantages_that_may_reach_the_same_are_merged() -> None:
    text = write(Suggestion(inventory(*SHOP), 20))
    assert "  # Deployment/catalog, Deployment/db\n  shop-catalog:\n" in text


def test_the_same_input_in_any_order_gives_the_same_bytes() -> None:
    objects = list(SHOP)
    expected = write(Suggestion(inventory(*objects), 20))
    for number in range(3):
        random.Random(number).shuffle(objects)
        assert write(Suggestion(inventory(*objects), 20)) == expected


def test_without_names_a_vantage_probes_addresses_and_one_that_reaches_nothing_is_isolated() -> None:
    shut = policy("frontend", {"app": "frontend"}, policyTypes=["Egress"])
    objects = [
        each for each in SHOP if each["metadata"]["name"] not in ("frontend", "catalog") or each["kind"] == "Deployment"
    ]
    values = values_of(*objects, shut, service("catalog", {"app": "catalog"}, 8080, clusterIP="10.43.0.9"))
    frontend = values["vantages"]["shop-frontend"]
    assert frontend["isolated"] is True
    assert set(targets(values, "shop-frontend", "deny")) == {"10.43.0.9:8080", "169.254.169.254:80"}
    assert values["control"]["namespace"]
    assert {each["target"]: each.get("control", True) for each in frontend["targets"]["deny"]} == {
        "10.43.0.9:8080": True,  # the control shows it
        "169.254.169.254:80": False,
    }


def test_the_api_server_the_kubelet_and_another_namespace_are_denied_to_a_vantage_with_restricted_egress() -> None:
    api = made("Service", "kubernetes", "default", spec={"clusterIP": "10.43.0.1", "ports": [{"port": 443}]})
    elsewhere = [
        deployment("mail", {"app": "mail"}, namespace="post"),
        service("mail", {"app": "mail"}, 25, namespace="post"),
    ]
    pods = [made("Pod", "db", status={"phase": "Running", "hostIP": "192.168.0.7", "podIP": "10.42.0.7"})]
    values = values_of(*(each for each in SHOP if each["kind"] != "Service"), api, *elsewhere, *pods)
    assert "kubernetes.default:443" in targets(values, "shop-frontend", "deny")
    assert "192.168.0.7:10250" in targets(values, "shop-frontend", "deny")
    ready = {"type": "Ready", "status": "True"}
    mail = made("Pod", "mail", "post", metadata={"labels": {"app": "mail"}}, status={"conditions": [ready]})
    values = values_of(*(each for each in SHOP if each["kind"] != "Service"), api, *elsewhere, *pods, mail)
    assert "mail.post:25" in targets(values, "shop-frontend", "deny")


def test_a_denied_target_that_the_control_cannot_reach_is_allowed_to_a_vantage_that_reaches_it() -> None:
    """From each of two namespaces, only the Service of the other one can be reached."""
    objects = []
    for space, port, other in (("red", 1000, 2000), ("blue", 2000, 1000)):
        egress = [{"ports": [{"port": other}]}, DNS]
        objects += [
            deployment(space, {"app": space}, namespace=space),
            service(space, {"app": space}, port, namespace=space),
            policy("egress", None, space, egress=egress, policyTypes=["Egress"]),
        ]
    values = values_of(*objects)
    assert values["control"]["namespace"] == "blue"
    assert targets(values, "blue-blue", "deny")[0] == "blue.blue:2000"
    assert "blue.blue:2000" in targets(values, "red-red", "allow")
    assert targets(values, "red-red", "deny")[0] == "red.red:1000"
    assert "red.red:1000" not in targets(values, "blue-blue", "allow")  # the control shows it
    entries = [each for vantage in values["vantages"].values() for each in vantage["targets"]["deny"]]
    assert {each["target"] for each in entries if each.get("control") is False} == {"169.254.169.254:80"}


@pytest.mark.parametrize(
    ("nodes", "kubelet"),
    [(["fd00::7"], "[fd00::7]:10250"), (["fd00::7", "192.168.0.8", "192.168.0.70"], "192.168.0.8:10250")],
)
def test_the_kubelet_of_an_ipv6_node_is_written_in_brackets(nodes: list[str], kubelet: str) -> None:
    pods = [made("Pod", f"on-{number}", status={"hostIP": node}) for number, node in enumerate(nodes)]
    values = values_of(*SHOP, *pods)
    assert kubelet in targets(values, "shop-frontend", "deny")


def test_a_port_that_is_open_to_everybody_is_not_listed_for_a_peer_of_another_port() -> None:
    named = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "batch"}}}
    rule = {"from": [named], "ports": [{"port": 9090}]}
    others = [each for each in SHOP if (each["kind"], each["metadata"]["name"]) != ("NetworkPolicy", "db")]
    open_ = policy("db", {"app": "db"}, ingress=[rule, {"ports": [{"port": 27017}]}])
    vantages = values_of(*others, open_)["vantages"]
    assert not [name for name in vantages if name.startswith("batch")]
    anywhere = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 27017}]}
    open_ = policy("db", {"app": "db"}, ingress=[rule, anywhere])
    vantages = values_of(*others, open_)["vantages"]
    assert not [name for name in vantages if name.startswith("batch")]
    rule["ports"] = [{"port": 27017}]
    open_ = policy("db", {"app": "db"}, ingress=[rule])
    assert "db.shop:27017" in targets(values_of(*others, open_), "batch-report", "allow")


@settings(max_examples=150, deadline=None)
@given(clusters(), st.ip_addresses(network="10.0.0.0/16"), st.integers(1, 3))
def test_lists_agree_with_a_model_of_the_policies(objects: list[Object], address: IPv4Address, most: int) -> None:
    """Whatever address the vantage gets: what it must reach is allowed, and what it must not reach is denied."""
    pods = [each for each in objects if each["kind"] == "Pod" and each["metadata"]["labels"]]
    services: dict[str, Object] = {}
    for number, pod in enumerate(pods):
        name, space, ip = pod["metadata"]["name"], pod["metadata"]["namespace"], f"10.43.0.{number}"
        target = service(name, pod["metadata"]["labels"], 8080, namespace=space, clusterIP=ip)
        services |= {f"{name}.{space}:8080": target, f"{ip}:8080": target}
    dns = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
    for vantage in Suggestion(inventory(*objects, dns, *services.values()), most).vantages:
        metadata = {"namespace": vantage.origin.namespace, "labels": {**VANTAGE_LABELS, **vantage.origin.labels}}
        sender = {"metadata": metadata, "spec": {"containers": []}, "status": {"podIP": str(address)}}
        assert len(vantage.deny) <= most
        for entry, reachable in [*((each, True) for each in vantage.allow), *((each, False) for each in vantage.deny)]:
            for pod in pods if entry.target in services else ():
                target = services[entry.target]
                mine = target["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
                if mine and pod["metadata"]["namespace"] == target["metadata"]["namespace"]:
                    assert allowed(objects, sender, pod, "TCP", 8080) is reachable


def test_max_denials_keeps_those_that_detect_most() -> None:
    (only,) = values_of(*SHOP, max_denials=1)["vantages"]["shop-frontend"]["targets"]["deny"]
    assert only["target"] == "169.254.169.254:80"


def test_a_service_on_port_80_is_no_less_useful_than_others() -> None:
    objects = [
        each
        for port, name in ((80, "a"), (8080, "b"))
        for each in (
            deployment(name, {"app": name}),
            service(name, {"app": name}, port),
            policy(name, {"app": name}, policyTypes=["Ingress"]),
        )
    ]
    outside = deployment("client", {"app": "client"}, namespace="batch")
    values = values_of(*objects, outside, max_denials=1)
    assert targets(values, "batch-client", "deny") == ["a.shop:80"]


def test_what_is_not_ready_is_on_no_list() -> None:
    unready = [each for each in SHOP if each["metadata"]["name"] != "db" or each["kind"] != "Deployment"]
    text = write(Suggestion(inventory(*unready, deployment("db", {"app": "db"}, replicas=0)), 20))
    assert "# - Without a ready pod, so on no list: db.shop:27017." in text
    assert "target: db.shop" not in text


@pytest.mark.parametrize(
    ("other", "left"),
    [
        (
            made(
                "CiliumNetworkPolicy",
                "x",
                api="cilium.io/v2",
                spec={"endpointSelector": {"matchLabels": {"app": "db"}}},
            ),
            ["shop-frontend"],
        ),
        (made("CiliumNetworkPolicy", "x", api="cilium.io/v2", spec={"endpointSelector": {"matchLabels": "db"}}), []),
        (
            made(
                "CiliumNetworkPolicy",
                "x",
                api="cilium.io/v2",
                spec={"endpointSelector": {"matchLabels": {"k8s:app": "db"}}},
            ),
            ["shop-frontend"],
        ),
        (
            made(
                "CiliumNetworkPolicy",
                "x",
                api="cilium.io/v2",
                spec={"endpointSelector": {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}}},
            ),
            [],
        ),
        (made("CiliumNetworkPolicy", "x", api="cilium.io/v2", spec={"subject": "x"}), []),
        (made("NetworkPolicy", "x", api="projectcalico.org/v3", spec={"selector": "app == 'db'"}), []),
        (
            made(
                "AdminNetworkPolicy",
                "x",
                api="policy.networking.k8s.io/v1alpha1",
                spec={"subject": {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": "batch"}}}},
            )
            | {"metadata": {"name": "x"}},
            ["shop-backend", "shop-catalog", "shop-frontend"],
        ),
    ],
)
def test_nothing_is_suggested_for_what_policies_of_other_kinds_select(other: Object, left: list[str]) -> None:
    suggestion = Suggestion(inventory(*SHOP, other), 20)
    assert [each.name for each in suggestion.vantages if not each.name.endswith("-other")] == left
    assert f"# - {suggestion.other_policies[0]} is not evaluated: nothing is suggested for" in write(suggestion)
    assert str(suggestion.other_policies[0]).startswith(other["kind"])


@pytest.mark.parametrize(
    "text",
    ["yes", "on", "null", "1.5", "0x1", "a: b", "#x", "- a", "", "ä", "a #b", "tcp://x:1", "10.0.0.1:80", "a, b"],
)
def test_scalars_are_read_back_as_they_were(text: str) -> None:
    assert yaml.safe_load(scalar(text)) == text
    assert yaml.safe_load(f"{{{scalar(text)}: {scalar(text)}}}") == {text: text}


def test_helm_accepts_the_values_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(write(Suggestion(inventory(*SHOP), 20)))
    done = subprocess.run(
        [tools().helm, "template", "netproof", "chart", "--values", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values = yaml.safe_load(file.read_text())
    assert done.stdout.count("kind: CronJob") == len(values["vantages"]) + ("control" in values)


# --- coverage -----------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "text",
    [
        "targets: {allow: ['db:1'], deny: ['c:3', {target: 'd:4', control: false}]}\ncontrol: {enabled: true}\n",
        "{namespaceOverride: shop, isolated: true, targets: {deny: ['c:3']}, control: {enabled: true}}",
        """
podLabels: {tier: x, removed: gone}
commonTargets:
  allow: ["a:1", "b:2"]
  deny: [{target: "c:3", control: false}, "d:4"]
vantages:
  one: {podLabels: {app: one, removed: null}, targets: {deny: ["b:2"]}}
  two: {namespace: batch, isolated: true}
  reaches: {targets: {allow: ["b.default:2"], deny: ["sandbox://root", {name: mine, command: ["true"]}]}}
  suspended: {cronjob: {suspend: true}, targets: {allow: ["x:1"], deny: ["y:2"]}}
  disabled: {enabled: false, targets: {allow: ["x:1"], deny: ["z:3"]}}
  removed: null
control: {enabled: true, namespace: ops, podLabels: {app: ops}, targets: {deny: ["own.ops:5"]}}
""",
    ],
)
def test_values_are_understood_as_the_chart_understands_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(text)
    command = [str(tools().helm), "template", "netproof", "chart", "-f", str(tmp_path / "values.yaml")]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(rendered) if each}
    expected = {}
    for (kind, name), cronjob in objects.items():
        if kind == "CronJob" and not cronjob["spec"]["suspend"]:
            labels = cronjob["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
            found = yaml.safe_load(objects["ConfigMap", name]["data"]["netproof.yaml"])
            namespace = cronjob["metadata"]["namespace"]
            expected[name.removeprefix("netproof-")] = (
                {key: value for key, value in labels.items() if not re.match(r"app\.kub|.*istio|kuma|netproof", key)},
                *(_identities(found.get(key) or [], namespace) for key in ("allow", "deny")),
            )
    assert {
        each.name: (
            each.origin.labels,
            *(
                {same_target(entry.target, each.origin.namespace) for entry in entries if entry.on_network}
                for entries in (each.allow, each.deny)
            ),
        )
        for each in read_values(yaml.safe_load(text), "default")
    } == expected


def _identities(entries: list[Any], namespace: str) -> set[str]:
    texts = (each if isinstance(each, str) else each["target"] for each in entries)
    return {same_target(each, namespace) for each in texts if not each.startswith(("sandbox:", "command:"))}


# --- merge --------------------------------------------------------------------------------

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


def test_what_policies_do_not_decide_is_neither_marked_nor_counted() -> None:
    checks = "['db:27017', sandbox://root, {name: ours, command: ['true']}]"
    values = f"podLabels: {{app: report}}\ntargets: {{allow: {checks}}}\n"
    assert covered(yaml.safe_load(values), *SHOP).unknown == ()
    found = merged(
        f"vantages: {{ours: {{namespace: batch, podLabels: {{app: report}}, targets: {{allow: {checks}}}}}}}\n"
    )
    assert "# suggest: gone: no such Service or port\n        - 'db:27017'\n" in found  # the Service is shop/db
    assert found.count("# suggest: gone") == 1


def test_no_vantage_is_suggested_in_a_system_namespace() -> None:
    dns = deployment("coredns", {"k8s-app": "kube-dns"}, namespace="kube-system")
    assert not [name for name in values_of(*SHOP, dns)["vantages"] if name.startswith("kube-system")]


def test_merging_again_changes_only_the_marks_of_what_is_no_longer_new() -> None:
    once = merged(MINE)
    twice = merged(once)
    assert twice == "".join(line for line in once.splitlines(keepends=True) if "# suggest: new" not in line)
    assert merged(twice) == twice


# --- the command --------------------------------------------------------------------------


def netproof(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netproof", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def listed(*objects: Object) -> str:
    return json.dumps({"kind": "List", "apiVersion": "v1", "items": objects})


def test_unreadable_objects_are_an_error_unless_skip_unreadable() -> None:
    broken = made("Pod", "broken", metadata={"labels": {"a": 1}})
    done = netproof("suggest", given=listed(*SHOP, broken))
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input: Pod shop/broken: metadata.labels[...]: Expected `str`, got `int`" in done.stderr
    done = netproof("suggest", "--skip-unreadable", given=listed(*SHOP, broken))
    assert done.returncode == 0
    assert "Pod shop/broken" in done.stderr
    assert "shop-frontend" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        ("a: [", "not values of the chart"),
        ("vantages: [a]", "not values of the chart"),
    ],
)
@pytest.mark.parametrize("command", [["suggest", "--merge"], ["coverage"]])
def test_values_that_cannot_be_read_are_named(
    command: list[str], content: str | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"
    if content:
        file.write_text(content)
    done = netproof(*command, str(file), given=listed(*SHOP))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}: " in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize("given", [listed(), listed(*SHOP[:6])])
def test_without_policies_there_is_nothing_to_suggest(given: str) -> None:
    done = netproof("suggest", given=given)
    assert done.returncode == 2
    assert "there is no NetworkPolicy in the input" in done.stderr


def test_the_pairs_as_json() -> None:
    found = json.loads(netproof("suggest", "--output", "json", given=listed(*SHOP)).stdout)
    assert {
        "from": {"namespace": "batch", "workload": "Deployment/report", "labels": {"app": "report"}},
        "to": {"namespace": "shop", "workload": "Deployment/db", "service": "db", "protocol": "TCP", "port": 27017},
        "allowed": False,
        "policies": ["shop/db"],
    } in found
    assert len(found) == 10  # five workloads, two ports that Services send to


def test_the_table_shows_what_policies_decide() -> None:
    lines = netproof("suggest", "--output", "table", given=listed(*SHOP)).stdout.splitlines()
    assert lines[1].split() == ["batch/Deployment/report", "shop/Deployment/db", "27017/TCP", "no", "shop/db"]


def test_coverage_below_the_limit_is_1(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("targets: {allow: ['catalog:8080'], deny: ['db:27017']}\n")
    done = netproof("coverage", str(file), "--namespace", "shop", "--fail-under", "21", given=listed(*SHOP))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "coverage: 20 % (1 of 5 policies and rules)")
    assert (
        netproof("coverage", str(file), "--namespace", "shop", "--fail-under", "20", given=listed(*SHOP)).returncode
        == 0
    )
    file.write_text("vantages: [a]\n")
    assert netproof("coverage", str(file), given=listed(*SHOP)).returncode == 2
