"""`netproof suggest` on a large cluster: 5,000 pods, 200 namespaces, 500 policies, 1,000 Services.

The limits are 5 s and 500 MB, with the time for reading the objects. More replicas add no label sets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES = 5.0, 500
SPACES, WORKLOADS = 200, 5  # workloads in each namespace

Object = dict[str, Any]


def cluster(replicas: int) -> list[Object]:
    """Every namespace has five workloads with their Services, and two or three policies."""
    items: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{n:03}"}} for n in range(SPACES)
    ]
    items.append(_pod("coredns-0", "kube-system", {"k8s-app": "kube-dns"}, 0))
    items.append(_service("kube-dns", "kube-system", {"k8s-app": "kube-dns"}, "UDP", 53))
    items[-1]["spec"]["clusterIP"] = "10.96.0.10"
    for n in range(SPACES):
        space = f"team-{n:03}"
        for w in range(WORKLOADS):
            labels = {"app": f"app-{w}", "version": f"v{n % 7}"}
            items.append(_service(f"app-{w}", space, {"app": f"app-{w}"}, "TCP", 8080))
            items += [
                _pod(f"app-{w}-5d8f7c9b6-{r:05}", space, labels, (n * WORKLOADS + w) * replicas + r + 1)
                for r in range(replicas)
            ]
        neighbour = {"kubernetes.io/metadata.name": f"team-{(n + 1) % SPACES:03}"}
        ingress = [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"app": "app-0"}}},
                    {"namespaceSelector": {"matchLabels": neighbour}},
                ]
            }
        ]
        dns = {"ports": [{"protocol": "UDP", "port": 53}]}
        items.append(_policy("default-deny", space, {}, policyTypes=["Ingress"]))
        items.append(_policy("app-1", space, {"app": "app-1"}, ingress=ingress))
        if n % 2:
            egress = [dns, {"to": [{"podSelector": {"matchLabels": {"app": "app-1"}}}]}]
            items.append(_policy("app-2", space, {"app": "app-2"}, policyTypes=["Egress"], egress=egress))
    return items


def _pod(name: str, space: str, labels: dict[str, str], number: int) -> Object:
    container = {"name": "main", "image": "registry.example/app:1", "ports": [{"containerPort": 8080, "name": "http"}]}
    container |= {"env": [{"name": f"SETTING_{n}", "value": "x" * 40} for n in range(30)]}  # as large as pods are
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": name.rsplit("-", 1)[0],
        "controller": True,
        "uid": "0",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": space,
            "labels": {**labels, "pod-template-hash": "5d8f7c9b6"},
            "ownerReferences": [owner],
        },
        "spec": {"containers": [container], "nodeName": f"node-{number % 40}"},
        "status": {
            "phase": "Running",
            "podIP": f"10.{64 + number // 65536}.{number // 256 % 256}.{number % 256}",
            "hostIP": f"192.168.0.{number % 40 + 1}",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _service(name: str, space: str, selector: dict[str, str], protocol: str, port: int) -> Object:
    ports = [{"port": port, "protocol": protocol, "targetPort": port}]
    spec = {"selector": selector, "ports": ports, "clusterIP": f"10.96.{len(space + name)}.1"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space}, "spec": spec}


def _policy(name: str, space: str, labels: dict[str, str], **spec: Any) -> Object:
    spec["podSelector"] = {"matchLabels": labels}
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def measure(replicas: int) -> tuple[float, float, float]:
    """Run the command once; return seconds, megabytes at most, and the megabytes that it read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "objects.json"
        file.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": cluster(replicas)}))
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "netproof", "suggest", str(file)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        assert status == 0
        return seconds, usage.ru_maxrss / 1024, file.stat().st_size / 1e6


def main() -> int:
    """Measure and compare with the limits."""
    seconds, memory, size = measure(5)
    print(f"5,000 pods, 200 namespaces, 500 policies, 1,000 Services ({size:.0f} MB): {seconds:.2f} s, {memory:.0f} MB")
    more, more_memory, size = measure(20)
    ratio = more / seconds
    print(f"20,000 pods of the same label sets ({size:.0f} MB): {more:.2f} s, {more_memory:.0f} MB ({ratio:.1f} x)")
    return int(seconds > SECONDS or memory > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
