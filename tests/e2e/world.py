"""What a team has in its namespace: servers, and policies about them. Plain manifests."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

# A packet to the name service's address has the port of its pods when policies see it, which need not be 53.
DNS: Object = {"ports": [{"protocol": protocol, "port": port} for protocol in ("UDP", "TCP") for port in (53, 1053)]}

# Settings for a test that is not about the first moments of a pod: a policy of this cluster takes a second at most.
SOON: Object = {"settle": "5s", "timeout": "2s"}

# Accepts on every port given as an argument, and says nothing.
_SERVER = """
import asyncio, sys
async def main():
    servers = [await asyncio.start_server(lambda r, w: w.close(), "", int(port)) for port in sys.argv[1:]]
    await asyncio.gather(*(server.serve_forever() for server in servers))
asyncio.run(main())
"""
RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def server(name: str, *ports: int, image: str, labels: dict[str, str] | None = None) -> list[Object]:
    """A Deployment of one pod that accepts TCP connections, and its Service."""
    labels = labels or {"app": name}
    container = {
        "name": "server",
        "image": image,
        "command": ["python", "-c", _SERVER, *map(str, ports)],
        "readinessProbe": {"tcpSocket": {"port": ports[0]}, "periodSeconds": 1},
        "securityContext": RESTRICTED,
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "containers": [container],
                },
            },
        },
    }
    return [deployment, service(name, *ports, selector=labels)]


def service(name: str, *ports: int, selector: dict[str, str], **spec: Any) -> Object:
    named = [{"name": f"port-{port}", "port": port} for port in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": selector, "ports": named, **spec},
    }


def config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def policy(name: str, pods: dict[str, str], **rules: list[Object]) -> Object:
    """A NetworkPolicy for pods with labels; `ingress` and `egress` are what it lets through, nothing when empty."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": pods},
            "policyTypes": [direction.capitalize() for direction in rules],
            **{direction: allowed for direction, allowed in rules.items() if allowed},
        },
    }


def pods(**labels: str) -> Object:
    """A peer: pods with labels, in the namespace of the policy."""
    return {"podSelector": {"matchLabels": labels}}


def everywhere(**labels: str) -> Object:
    """A peer: pods with labels, in every namespace."""
    return {"namespaceSelector": {}, "podSelector": {"matchLabels": labels}}
