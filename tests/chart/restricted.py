"""The Pod Security Standard `restricted`, as far as a pod template can break it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def faults(spec: dict[str, Any]) -> Iterator[str]:
    """Name everything that the profile refuses."""
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    for volume in spec.get("volumes", []):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    whole = spec.get("securityContext") or {}
    for each in [*spec.get("initContainers", []), *spec["containers"]]:
        own = each.get("securityContext") or {}
        drop, add = (own.get("capabilities", {}).get(key, []) for key in ("drop", "add"))
        checks = {
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": "ALL" in drop and {*add} <= {"NET_BIND_SERVICE"},
            "runAsNonRoot": own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
            "runAsUser": own.get("runAsUser", whole.get("runAsUser")) != 0,
            "seccompProfile": _seccomp(own, whole) in {"RuntimeDefault", "Localhost"},
            "hostPorts": not any(port.get("hostPort") for port in each.get("ports", [])),
        }
        yield from (f"{each['name']}: {name}" for name, fine in checks.items() if not fine)


def _seccomp(own: dict[str, Any], whole: dict[str, Any]) -> Any:
    return (own.get("seccompProfile") or whole.get("seccompProfile") or {}).get("type")
