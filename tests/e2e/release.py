"""A release with a reporter: five vantages that may reach the catalog and nothing else, and the reporter elsewhere."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reporter.history import State, load
from tests.e2e.cluster import Object, Space, until
from tests.e2e.world import DNS, RESTRICTED, SOON, policy, server

NAMES = ("v1", "v2", "v3", "v4", "v5")
BOUND, SEALED = {"team": "vantages"}, {"team": "sealed"}
REPORTER = "app.kubernetes.io/component=reporter"
_POLICIES = (
    policy("vantages", BOUND, egress=[DNS, {"to": [{"podSelector": {"matchLabels": {"app": "catalog"}}}]}]),
    policy("sealed", SEALED, egress=[]),
)


class Release:
    """The release in its two namespaces: `shop` has the vantages, `ops` the reporter.

    Two more vantages run only when they are named: `sealed` may reach nothing, not even DNS; `greedy` writes a larger
    log than its pod may have, so that it is evicted.
    """

    def __init__(self, shop: Space, ops: Space, image: str, channel: str, **reporter: str) -> None:
        self.shop, self.ops = shop, ops
        shop.deploy(*server("catalog", 8080, image=image), *server("db", 27017, image=image), *_POLICIES)
        address = shop.get("service", "db")["spec"]["clusterIP"]
        self.values = {
            "settings": SOON,
            "podLabels": BOUND,
            "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
            "vantages": {
                **{name: {"namespace": shop.name} for name in NAMES},
                "sealed": {
                    "namespace": shop.name,
                    "podLabels": SEALED,
                    "isolated": True,
                    "targets": {"allow": [], "deny": [f"{address}:27017"]},
                },
                "greedy": {
                    "namespace": shop.name,
                    "settings": {"settle": "60s"},
                    "initContainers": [_writes_a_large_log(image)],
                },
            },
            "reporter": {"enabled": True, **reporter},
            "notifications": {"channels": {"hook": channel}},
        }
        ops.install(self.values)
        self.wait_for_the_reporter()

    def wait_for_the_reporter(self) -> None:
        self.ops.kubectl("rollout", "status", "deployment", "netproof-reporter", "--timeout=90s")

    def run(self, *names: str) -> set[int]:
        """Run vantages at once, all five when none is named; return the exit codes."""
        names = names or NAMES
        with ThreadPoolExecutor(len(names)) as pool:
            return {run.code for run in pool.map(self.shop.run, [f"netproof-{name}" for name in names])}

    def remove_policy(self, name: str = "vantages") -> None:
        self.shop.kubectl("delete", "networkpolicy", name)

    def restore_policies(self) -> None:
        self.shop.apply(*_POLICIES)

    def kill_the_reporter(self) -> None:
        """Kill it without a warning; its Deployment starts another at once."""
        self.ops.kubectl("delete", "pod", "-l", REPORTER, "--force", "--grace-period=0")

    def wait_for_the_next_reporter(self) -> None:
        """Wait until the one that comes after a kill has started, ready or not."""
        path = "jsonpath={.status.phase}=Running"
        until("a reporter's pod", lambda: self.ops.objects("pods", "-l", REPORTER))
        self.ops.kubectl("wait", "pod", "-l", REPORTER, f"--for={path}", "--timeout=60s")

    def state(self) -> State:
        """What the reporter remembers; empty before its first round."""
        data: Any = self.ops.get("secret", "netproof-reporter-state").get("data") or {}
        return load(base64.b64decode(data["state"])) if data else State()

    def remembers_its_runs(self) -> bool:
        return sum(bool(vantage.runs) for vantage in self.state().vantages.values()) >= len(NAMES)

    def logs(self) -> str:
        return self.ops.kubectl("logs", "-l", REPORTER, check=False)


def _writes_a_large_log(image: str) -> Object:
    write = "import time; print('x' * 2_000_000, flush=True); time.sleep(3600)"
    return {
        "name": "writer",
        "image": image,
        "restartPolicy": "Always",
        "command": ["python", "-c", write],
        "securityContext": RESTRICTED,
        "resources": {"limits": {"ephemeral-storage": "1Mi"}},
    }
