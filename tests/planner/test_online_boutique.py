"""The Online Boutique with its optional network policies: services, ports and callers of a public demonstration.

Facts from github.com/GoogleCloudPlatform/microservices-demo (Apache-2.0), kustomize/components/network-policies: all
traffic is denied in the namespace; each service admits its callers on its port, and may itself reach everything.
"""

from __future__ import annotations

import yaml

from planner.checks import Checks
from planner.coverage import coverage
from planner.suggestion import Suggestion, write
from planner.values import read_values
from tests.planner.world import Object, app, deployment, inventory, policy, service

# service: the port of its pods, and its callers
SERVICES = {
    "adservice": (9555, ["frontend"]),
    "cartservice": (7070, ["frontend", "checkoutservice"]),
    "checkoutservice": (5050, ["frontend"]),
    "currencyservice": (7000, ["frontend", "checkoutservice"]),
    "emailservice": (8080, ["checkoutservice"]),
    "paymentservice": (50051, ["checkoutservice"]),
    "productcatalogservice": (3550, ["frontend", "checkoutservice", "recommendationservice"]),
    "recommendationservice": (8080, ["frontend"]),
    "redis-cart": (6379, ["cartservice"]),
    "shippingservice": (50051, ["frontend", "checkoutservice"]),
}


def boutique() -> list[Object]:
    objects = [policy("deny-all", {}, "boutique", policyTypes=["Ingress", "Egress"])]
    for name, (port, callers) in SERVICES.items():
        ingress = [{"from": [app(each) for each in callers], "ports": [{"port": port, "protocol": "TCP"}]}]
        objects += [
            deployment(name, {"app": name}, {"containerPort": port}, namespace="boutique"),
            service(name, {"app": name}, port, namespace="boutique"),
            policy(name, {"app": name}, "boutique", ingress=ingress, egress=[{}]),
        ]
    objects += [deployment(name, {"app": name}, namespace="boutique") for name in ("frontend", "loadgenerator")]
    objects += [
        service("frontend", {"app": "frontend"}, 80, namespace="boutique"),
        policy("frontend", {"app": "frontend"}, "boutique", ingress=[{}], egress=[{}]),
        policy("loadgenerator", {"app": "loadgenerator"}, "boutique", policyTypes=["Egress"], egress=[{}]),
        deployment("ledger", {"app": "ledger"}, namespace="bank"),
    ]
    return objects


def test_the_lists_are_those_that_a_reader_would_write() -> None:
    values = yaml.safe_load(write(Suggestion(inventory(*boutique()), 20)))
    listed = {
        name: {each["target"] for each in vantage["targets"]["allow"]} - {"dns://kubernetes.default.svc.cluster.local"}
        for name, vantage in values["vantages"].items()
    }
    for caller in ("cartservice", "checkoutservice", "frontend", "recommendationservice"):
        called = {f"{name}.boutique:{port}" for name, (port, callers) in SERVICES.items() if caller in callers}
        assert listed.pop(f"boutique-{caller}") == {*called, "frontend.boutique:80"}
        assert values["vantages"].get(f"boutique-{caller}")["podLabels"] == {"app": caller}
    denied = {
        each["target"]: name
        for name, vantage in values["vantages"].items()
        for each in vantage["targets"]["deny"]
        if name.startswith("bank-")
    }
    assert set(denied) == {f"{name}.boutique:{port}" for name, (port, _) in SERVICES.items()}
    assert all(each.get("control", True) for each in values["vantages"]["bank-ledger"]["targets"]["deny"])


def test_the_lists_notice_what_protects_the_services() -> None:
    found = inventory(*boutique())
    values = yaml.safe_load(write(Suggestion(found, 20)))
    parts = coverage(Checks(found, read_values(values, "boutique"))).parts
    noticed = {name for name, noticed in parts.items() if noticed}
    assert {f"boutique/{name}" for name in SERVICES} <= noticed | {"boutique/deny-all"}
