"""The strictest namespace that people have: Pod Security `restricted`, a ResourceQuota and a LimitRange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.world import SOON, pods, policy, server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.cluster import Object, Space

MODES = ("enforce", "warn", "audit")
QUOTA: Object = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "quota"},
    "spec": {
        "hard": {
            "pods": "10",
            "count/jobs.batch": "5",
            "requests.cpu": "1",
            "requests.memory": "256Mi",
            "limits.cpu": "4",
            "limits.memory": "1Gi",
        }
    },
}
LIMITS: Object = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "limits"},
    "spec": {
        "limits": [
            {"type": "Container", "min": {"cpu": "5m", "memory": "16Mi"}, "max": {"cpu": "1", "memory": "256Mi"}},
        ]
    },
}


def test_it_works_in_a_restricted_namespace(spaces: Callable[..., Space], image: str) -> None:
    space = spaces("strict", {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in MODES})
    space.apply(QUOTA, LIMITS)
    space.deploy(
        *server("catalog", 8080, image=image),
        *server("db", 27017, image=image),
        policy("db", {"app": "db"}, ingress=[{"from": [pods(app="backend")]}]),
    )
    said = space.install(
        {
            "podLabels": {"app": "frontend"},
            "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
            "settings": SOON,
        }
    )
    assert "Warning" not in said  # Pod Security names here what it would refuse

    run = space.run()

    assert run.completed, str(run)
    refused = space.kubectl("run", "loose", f"--image={image}", check=False)
    assert "violates PodSecurity" in refused  # so it is strict here
