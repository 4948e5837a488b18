"""Suggested vantages, and the lists of each."""

from __future__ import annotations

import random
import subprocess
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.inventory import VANTAGE_LABELS
from planner.suggestion import Suggestion, write
from tests.planner.random_clusters import allowed, clusters
from tests.planner.world import DNS, SHOP, Object, deployment, inventory, made, policy, service, values_of
from tests.tools.helm import tools


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


def test_helm_accepts_the_values_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(write(Suggestion(inventory(*SHOP), 20)))
    done = subprocess.run(
        [tools().helm, "template", "netproof", "chart", "--values", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    values = yaml.safe_load(file.read_text())
    assert done.stdout.count("kind: CronJob") == len(values["vantages"]) + ("control" in values)


def test_no_vantage_is_suggested_in_a_system_namespace() -> None:
    dns = deployment("coredns", {"k8s-app": "kube-dns"}, namespace="kube-system")
    assert not [name for name in values_of(*SHOP, dns)["vantages"] if name.startswith("kube-system")]
