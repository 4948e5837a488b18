from __future__ import annotations

from typing import Any

import pytest

from planner.evaluator import evaluators
from planner.inventory import Endpoint, Origin
from tests.planner.world import app, deployment, found_pairs, inventory, made, pod, policy, service

NAMED = ({"name": "http", "containerPort": 8080}, {"name": "http", "containerPort": 9090})


def test_a_named_port_that_differs_between_pods_makes_a_service_partly_reachable() -> None:
    objects = [
        deployment("client", {"app": "client"}),
        pod("web-1", {"app": "web"}, NAMED[0], metadata=owned("web")),
        pod("web-2", {"app": "web"}, NAMED[1], metadata=owned("web")),
        service("web", {"app": "web"}, 80)
        | {"spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}},
    ]
    by_name = found_pairs(*objects, policy("web", {"app": "web"}, ingress=[{"ports": [{"port": "http"}]}]))
    assert [by_name["Deployment/client", "Deployment/web", port].allowed for port in (8080, 9090)] == [True, True]
    by_number = found_pairs(*objects, policy("web", {"app": "web"}, ingress=[{"ports": [{"port": 8080}]}]))
    assert [by_number["Deployment/client", "Deployment/web", port].allowed for port in (8080, 9090)] == [
        "partly",
        "partly",
    ]


def owned(name: str) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": f"{name}-abc", "controller": True}
    return {"ownerReferences": [owner], "labels": {"app": name, "pod-template-hash": "abc"}}


def test_a_named_port_of_an_egress_rule_is_resolved_at_the_receiver() -> None:
    objects = [
        pod("client", {"app": "client"}, {"name": "http", "containerPort": 1}),
        pod("web", {"app": "web"}, NAMED[0]),
        policy("client", {"app": "client"}, egress=[{"ports": [{"port": "http"}]}], policyTypes=["Egress"]),
    ]
    assert found_pairs(*objects)["Pod/client", "Pod/web", 8080].allowed is True
    objects[1] = pod("web", {"app": "web"}, {"name": "http", "containerPort": 8080, "protocol": "UDP"})
    assert found_pairs(*objects)["Pod/client", "Pod/web", 8080].allowed is False


def test_a_named_port_admits_to_no_other_port_of_the_pod() -> None:
    ports = ({"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090})
    objects = [pod("client", {"app": "client"}), pod("web", {"app": "web"}, *ports)]
    found = found_pairs(*objects, policy("web", {"app": "web"}, ingress=[{"ports": [{"port": "http"}]}]))
    assert [found["Pod/client", "Pod/web", port].allowed for port in (8080, 9090)] == [True, False]


def test_pods_that_ended_are_ignored() -> None:
    objects = [
        pod("a", {"app": "a"}, {"containerPort": 80}),
        pod("over", {"app": "b"}, {"containerPort": 80}, status={"phase": "Succeeded"}),
        pod("broken", {"app": "b"}, {"containerPort": 80}, status={"phase": "Failed"}),
    ]
    assert not found_pairs(*objects)


@pytest.mark.parametrize(
    ("nodes", "allowed"), [(("one", "one"), True), (("one", "two"), False), ((None, "one"), "partly")]
)
def test_a_pod_is_always_reached_from_its_own_node(nodes: tuple[str | None, str], allowed: object) -> None:
    agent, web = ({"nodeName": node} if node else {} for node in nodes)
    objects = [
        pod("agent", {"app": "agent"}, hostNetwork=True, **agent),
        pod("web", {"app": "web"}, {"containerPort": 80}, **web),
        policy("web", {"app": "web"}, ingress=[{"from": [app("agent")]}]),
    ]
    assert found_pairs(*objects)["Pod/agent", "Pod/web", 80].allowed == allowed


@pytest.mark.parametrize(("node", "allowed"), [("one", True), ("two", False)])
def test_a_pod_always_reaches_the_host_network_of_its_own_node(node: str, allowed: bool) -> None:
    objects = [
        pod("client", {"app": "client"}, nodeName="one"),
        pod("agent", {"app": "agent"}, {"containerPort": 9100}, hostNetwork=True, nodeName=node),
        policy("client", {"app": "client"}, policyTypes=["Egress"]),
    ]
    assert found_pairs(*objects)["Pod/client", "Pod/agent", 9100].allowed is allowed


def test_the_removal_of_a_rule_does_not_separate_pods_of_one_node() -> None:
    found = inventory(
        pod("client", {"app": "client"}, nodeName="one"),
        pod("agent", {"app": "agent"}, hostNetwork=True, nodeName="one"),
        policy("client", {"app": "client"}, egress=[{"to": [app("client")]}], policyTypes=["Egress"]),
    )
    (closed,) = found.policies
    agent, client = (index for name in ("agent", "client") for index in found.workloads["shop", f"Pod/{name}"].pods)
    for evaluator in evaluators(found):
        to = Endpoint(agent, "TCP", 9100)
        assert evaluator.egress(to, closed.parts("egress")[1:]) >> client & 1


def test_only_the_policies_that_deny_a_connection_are_named() -> None:
    objects = [
        pod("client", {"app": "client"}),
        pod("web", {"app": "web"}, {"containerPort": 80}),
        policy("client", {"app": "client"}, egress=[{"to": [app("web")]}]),
        policy("web", {"app": "web"}, policyTypes=["Ingress"]),
    ]
    assert found_pairs(*objects)["Pod/client", "Pod/web", 80].policies == ("shop/web",)


def test_pods_on_the_same_nodes_are_not_always_on_the_same_node() -> None:
    nodes = ("one", "two")
    agents = [pod(f"agent-{node}", {"app": "agent"}, hostNetwork=True, nodeName=node) for node in nodes]
    webs = [pod(f"web-{node}", {"app": "web"}, {"containerPort": 80}, nodeName=node) for node in nodes]
    found = found_pairs(*agents, *webs, policy("web", {"app": "web"}, ingress=[{"from": [app("agent")]}]))
    assert found["Pod/agent-one", "Pod/web-two", 80].allowed == "partly"


@pytest.mark.parametrize(
    ("peers", "certain", "possible"),
    [
        ([], True, True),
        ([{"ipBlock": {"cidr": "0.0.0.0/0"}}], True, True),
        ([{"ipBlock": {"cidr": "203.0.113.0/24"}}], False, True),
        ([app("web")], False, False),
    ],
)
def test_an_egress_rule_and_an_address_outside_of_the_cluster(peers: list[Any], certain: bool, possible: bool) -> None:
    rule = {"to": peers} if peers else {}
    found = inventory(pod("client", {"app": "client"}), policy("client", {"app": "client"}, egress=[rule]))
    to = Endpoint(found.elsewhere(None), "TCP", 443)
    assert [bool(evaluator.egress(to) & 1) for evaluator in evaluators(found)] == [certain, possible]


def test_policies_do_not_isolate_pods_on_the_host_network() -> None:
    objects = [
        pod("client", {"app": "client"}),
        pod("agent", {"app": "agent"}, {"containerPort": 9100}, hostNetwork=True, nodeName="one"),
        policy("all", {}, policyTypes=["Ingress"]),
    ]
    assert found_pairs(*objects)["Pod/client", "Pod/agent", 9100].allowed is True


def test_an_address_that_is_not_known_is_not_guessed() -> None:
    def allowed(cidr: str, *excepted: str) -> object:
        block = {"ipBlock": {"cidr": cidr, "except": list(excepted)}}
        objects = [
            deployment("client", {"app": "client"}),
            deployment("web", {"app": "web"}, {"containerPort": 80}),
            policy("web", {"app": "web"}, ingress=[{"from": [block]}]),
        ]
        return found_pairs(*objects)["Deployment/client", "Deployment/web", 80].allowed

    assert allowed("0.0.0.0/0") is True
    assert allowed("0.0.0.0/0", "169.254.169.254/32") is True
    assert allowed("10.1.0.0/16") == "partly"
    assert allowed("203.0.113.0/24") is False


def test_the_address_of_a_new_pod_is_in_the_range_of_pods_and_not_of_nodes() -> None:
    block = {"ipBlock": {"cidr": "10.42.0.0/16"}}
    objects = [
        pod("proxy", {"app": "proxy"}, namespace="kube-system", ip="192.168.0.7", hostNetwork=True),
        pod("web", {"app": "web"}, ip="10.42.3.5"),
        service("web", {"app": "web"}, 80),
        policy("web", {"app": "web"}, ingress=[{"from": [block]}]),
    ]
    made_ = inventory(*objects)
    (web,) = made_.destinations
    vantage = made_.vantage(Origin("shop", {}))
    certain, _ = evaluators(made_)
    assert certain.senders(web.backends) >> vantage & 1


def test_a_service_sends_to_target_ports_and_a_headless_one_has_their_numbers() -> None:
    ports = [{"port": 80, "targetPort": 8080}]
    made_ = inventory(
        deployment("web", {"app": "web"}),
        made("Service", "web", spec={"selector": {"app": "web"}, "ports": ports, "clusterIP": "10.43.0.7"}),
        made("Service", "headless", spec={"selector": {"app": "web"}, "ports": ports, "clusterIP": "None"}),
        made("Service", "elsewhere", spec={"type": "ExternalName", "externalName": "example.com"}),
    )
    assert [(each.service, each.port, each.backends[0].port, each.address) for each in made_.destinations] == [
        ("headless", 8080, 8080, None),
        ("web", 80, 8080, "10.43.0.7"),
    ]


def test_workloads_are_named_after_what_a_person_made() -> None:
    job = {"ownerReferences": [{"kind": "Job", "name": "nightly-29384750", "controller": True}]}
    objects = [
        pod("web-abc-1", {}, metadata=owned("web")),
        pod("nightly-29384750-x", {}, metadata=job),
        made("CronJob", "nightly", api="batch/v1", spec={"jobTemplate": {"spec": {"template": {}}}}),
        pod("db-0", {}, metadata={"ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": True}]}),
        pod("static", {}, metadata={"ownerReferences": [{"kind": "Node", "name": "one", "controller": True}]}),
    ]
    names = sorted(name for _, name in inventory(*objects).workloads)
    assert names == ["CronJob/nightly", "Deployment/web", "Pod/static", "StatefulSet/db"]
    assert inventory(*objects).workloads["shop", "Deployment/web"].labels == {"app": "web"}


def test_names_resolve_at_the_dns_service_of_the_cluster() -> None:
    port = {"protocol": "UDP", "port": 53, "targetPort": 5353}
    server = pod("resolver", {"app": "resolver"}, namespace="kube-system")
    dns = service("dns", {"app": "resolver"}, namespace="kube-system") | {}
    dns["spec"]["ports"] = [port]
    found = inventory(server, dns).dns
    assert [(each.protocol, each.port) for each in found] == [("UDP", 5353)]
