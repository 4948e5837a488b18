"""Short functions that make Kubernetes objects for tests."""

from __future__ import annotations

import json
from typing import Any

import yaml

from planner.inventory import Inventory
from planner.objects import read
from planner.pairs import Pair, pairs
from planner.suggestion import Suggestion, write

Object = dict[str, Any]
DNS: Object = {"ports": [{"protocol": "UDP", "port": 53}]}


def made(kind: str, name: str, namespace: str = "shop", api: str = "v1", **parts: Any) -> Object:
    metadata = {"name": name, "namespace": namespace, **parts.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}


def pod(
    name: str, labels: dict[str, str], *ports: Object, namespace: str = "shop", ip: str | None = None, **more: Any
) -> Object:
    status = {"phase": "Running", **({"podIP": ip} if ip else {}), **more.pop("status", {})}
    metadata = {"labels": labels, **more.pop("metadata", {})}
    return made(
        "Pod", name, namespace, metadata=metadata, spec={"containers": [{"ports": list(ports)}], **more}, status=status
    )


def deployment(name: str, labels: dict[str, str], *ports: Object, namespace: str = "shop", **spec: Any) -> Object:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"ports": list(ports)}]}}
    return made("Deployment", name, namespace, "apps/v1", spec={"template": template, **spec})


def service(name: str, selector: dict[str, str], *ports: int, namespace: str = "shop", **spec: Any) -> Object:
    return made(
        "Service", name, namespace, spec={"selector": selector, "ports": [{"port": port} for port in ports], **spec}
    )


def policy(name: str, pods: dict[str, str] | None = None, namespace: str = "shop", **spec: Any) -> Object:
    selector = {"podSelector": {"matchLabels": pods or {}}}
    return made("NetworkPolicy", name, namespace, "networking.k8s.io/v1", spec={**selector, **spec})


def app(value: str) -> Object:
    """A peer: pods of the policy's namespace."""
    return {"podSelector": {"matchLabels": {"app": value}}}


def inventory(*objects: Object) -> Inventory:
    found = read([("test", json.dumps({"kind": "List", "items": objects}).encode())])
    assert not found.mistakes
    return Inventory(found)


def found_pairs(*objects: Object) -> dict[tuple[str, str, int], Pair]:
    """The pairs by the names of sender and receiver, and the port."""
    return {(each.sender.name, each.receiver.name, each.port): each for each in pairs(inventory(*objects))}


# A shop and a batch namespace: only the back end reaches the database; the front end reaches the catalog alone.
SHOP = (
    deployment("frontend", {"app": "frontend"}),
    deployment("backend", {"app": "backend"}),
    deployment("db", {"app": "db"}),
    deployment("catalog", {"app": "catalog"}),
    deployment("report", {"app": "report"}, namespace="batch"),
    service("db", {"app": "db"}, 27017),
    service("catalog", {"app": "catalog"}, 8080),
    policy("db", {"app": "db"}, ingress=[{"from": [app("backend")]}]),
    policy("frontend", {"app": "frontend"}, egress=[{"to": [app("catalog")]}, DNS], policyTypes=["Egress"]),
)


def values_of(*objects: Object, max_denials: int = 20) -> Any:
    return yaml.safe_load(write(Suggestion(inventory(*objects), max_denials)))
