"""Sandbox checks in real containers: each finds its fault in a pod that has it, and none in a restricted pod.

NETPROOF_RUNTIME_FOLDER is the node's folder with the socket of its container runtime.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from checker.probes.sandbox import CHECKS
from tests.e2e.cluster import until
from tests.e2e.world import RESTRICTED, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.cluster import Cluster, Object, Space

RUNTIME_FOLDER = os.environ.get("NETPROOF_RUNTIME_FOLDER", "/run/netproof-cluster")
DENIED = sorted(CHECKS.keys() - {"user-namespace"})
LIMITS = {"limits": {"cpu": "1", "memory": "128Mi"}}
AS_ROOT = {**RESTRICTED, "runAsNonRoot": False, "runAsUser": 0}


def pod(name: str, image: str, container: Object, **spec: Any) -> Object:
    """A restricted pod that runs every check, and what it has instead."""
    lists = [word for check in DENIED for word in ("--deny", f"sandbox://{check}")]
    arguments = ["check", "--settle", "0", *lists, "--allow", "sandbox://user-namespace", "--output", "json"]
    whole = {"name": "netproof", "image": image, "args": arguments, "securityContext": RESTRICTED, "resources": LIMITS}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [{**whole, **container}],
            **spec,
        },
    }


def mounted(path: str, at: str) -> tuple[Object, Object]:
    volumes = {"volumes": [{"name": "node", "hostPath": {"path": path}}]}
    return {"volumeMounts": [{"name": "node", "mountPath": at}]}, volumes


def faulty(image: str) -> dict[str, Object]:
    """One pod a fault, by the check that finds it."""
    etc, of_etc = mounted("/etc", "/node-etc")
    run, of_run = mounted(RUNTIME_FOLDER, "/node-run")
    sys, of_sys = mounted("/sys", "/sys")
    of: dict[str, tuple[Object, Object]] = {
        "restricted": ({}, {}),
        "capabilities": (
            {"securityContext": {**RESTRICTED, "capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}},
            {},
        ),
        "privileged": ({"securityContext": {**AS_ROOT, "capabilities": {"add": ["ALL"]}}}, {}),
        "privilege-escalation": ({"securityContext": {**RESTRICTED, "allowPrivilegeEscalation": True}}, {}),
        "seccomp": ({"securityContext": {**RESTRICTED, "seccompProfile": {"type": "Unconfined"}}}, {}),
        "root": ({"securityContext": AS_ROOT}, {}),
        "host-pid": ({}, {"hostPID": True}),
        "host-network": ({}, {"hostNetwork": True}),
        "host-mounts": (etc, of_etc),
        "docker-socket": (run, of_run),
        "writable-proc-sys": (sys, of_sys),
        "service-account-token": ({}, {"automountServiceAccountToken": True}),
        "no-memory-limit": ({"resources": {"limits": {"cpu": "1"}}}, {}),
        "no-cpu-limit": ({"resources": {"limits": {"memory": "128Mi"}}}, {}),
    }
    return {name: pod(name, image, container, **spec) for name, (container, spec) in of.items()}


def outcomes(space: Space, name: str) -> dict[str, str]:
    """Wait for the end of a pod, and return what each check saw."""
    until(f"the end of {name}", lambda: space.get("pod", name)["status"]["phase"] in ("Succeeded", "Failed"))
    logs = space.kubectl("logs", name)
    checks = json.loads(logs[logs.index("\n{") if not logs.startswith("{") else 0 :])["checks"]
    for check in checks:
        assert "container" in check["meaning"] or check["outcome"] == "untestable"
    return {check["target"].removeprefix("sandbox://"): check["outcome"] for check in checks}


@pytest.fixture(scope="module")
def pods(cluster: Cluster, image: str) -> Iterator[Space]:
    from tests.e2e.conftest import namespaces  # noqa: PLC0415

    with namespaces(cluster) as make:
        space = make("netproof-sandbox")
        space.apply(*faulty(image).values())
        yield space


def test_a_restricted_pod_passes(pods: Space) -> None:
    found = outcomes(pods, "restricted")
    del found["user-namespace"]
    assert found.pop("no-pids-limit") == "untestable"  # the kubelet's limit is on the pod, and not visible
    assert set(found.values()) == {"impossible"}, found


# What comes with a fault: add ALL is every capability, root keeps its own, a node's folder holds more than a socket.
ALSO = {
    "privileged": {"privileged", "root", "capabilities"},
    "docker-socket": {"docker-socket", "host-mounts"},
}


@pytest.mark.parametrize("fault", sorted(set(faulty("")) - {"restricted"}))
def test_a_fault_is_found_in_a_pod_that_has_it(pods: Space, fault: str) -> None:
    found = outcomes(pods, fault)
    possible = {check for check, outcome in found.items() if outcome == "possible"} - {"user-namespace"}
    assert possible - {"no-pids-limit"} == ALSO.get(fault, {fault}), found


def test_a_user_namespace_is_seen(cluster: Cluster, spaces: Callable[..., Space], image: str) -> None:
    handlers = [each for node in cluster.objects("nodes") for each in node["status"].get("runtimeHandlers", [])]
    if not any(each.get("features", {}).get("userNamespaces") for each in handlers):
        pytest.skip("no node can run a pod with hostUsers: false")
    space = spaces("netproof-sandbox")
    space.apply(pod("own-users", image, {}, hostUsers=False))
    assert outcomes(space, "own-users")["user-namespace"] == "possible"


def test_a_vantage_with_the_security_context_of_the_application(space: Space, image: str) -> None:
    space.deploy(*server("catalog", 8080, image=image))
    checks = ["sandbox://privilege-escalation", "sandbox://service-account-token", "sandbox://root"]
    values = {"targets": {"allow": ["catalog:8080"], "deny": checks}, "settings": {"settle": "3s"}}
    space.install(values)
    assert space.run().code == 0
    application = {"securityContext": {"allowPrivilegeEscalation": True}, "serviceAccount": {"automount": True}}
    space.install({**values, **application}, verb="upgrade")
    found = space.run()
    assert found.code == 1
    assert "This is netproof's container: the application's" in found.logs


def test_as_an_init_container_it_checks_the_applications_own_pod(space: Space, image: str) -> None:
    whole = pod("shop", image, {})
    (container,) = whole["spec"].pop("containers")
    whole["spec"]["initContainers"] = [{**container, "args": ["check", "--settle", "0", "--deny", "sandbox://root"]}]
    application = {"name": "shop", "image": image, "args": ["--version"], "securityContext": RESTRICTED}
    whole["spec"]["containers"] = [application]
    space.apply(whole)
    until("the application has run", lambda: space.get("pod", "shop")["status"]["phase"] == "Succeeded")
    whole["metadata"]["name"] = "shop-as-root"
    whole["spec"]["initContainers"][0]["securityContext"] = AS_ROOT
    space.apply(whole)
    until("the application does not start", lambda: space.get("pod", "shop-as-root")["status"]["phase"] == "Failed")
    (ended,) = space.get("pod", "shop-as-root")["status"]["initContainerStatuses"]
    assert ended["state"]["terminated"]["exitCode"] == 1
