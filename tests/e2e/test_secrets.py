"""No secret anywhere but in its Secret: the channels' URLs, whole or in part, as they are or encoded."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import yaml

from tests.e2e.cluster import until
from tests.e2e.conftest import OUTSIDE_ADDRESS, SLACK_TOKEN
from tests.e2e.world import server

if TYPE_CHECKING:
    from tests.e2e.cluster import Space
    from tests.e2e.conftest import Outside

PASSWORD = "swordfish-7c1e"  # nothing opens with it
HEARTBEAT = "5f0b9c7e-beat"
# What processes were started with, and their environment: cmdline and environ.
PROCESSES = "import glob; [print(open(name, 'rb').read()) for name in glob.glob('/proc/[0-9]*/[ce][mn][dv]*')]"
KINDS = "pods,jobs,cronjobs,configmaps,serviceaccounts,events"


def test_no_url_is_seen(space: Space, outside: Outside, image: str) -> None:
    urls = {
        "slack": outside.slack_url,
        "broken": f"json://user:{PASSWORD}@{OUTSIDE_ADDRESS}:1/{PASSWORD}",  # its failure is reported, the URL is not
    }
    heartbeat = f"http://{OUTSIDE_ADDRESS}:1/{HEARTBEAT}"
    space.deploy(*server("catalog", 8080, 9090, image=image))
    said = [
        space.install(
            {
                "targets": {"allow": ["catalog:8080"], "deny": ["catalog:9090"]},
                "settings": {"settle": "10s"},
                "notifications": {"channels": urls},
                "heartbeat": {"url": heartbeat},
                **outside.reachable_from(space),
            }
        )
    ]
    job = space.start()
    (pod,) = until("its pod", lambda: space.objects("pods", "-l", f"job-name={job}"))
    name = pod["metadata"]["name"]
    until("its first result", lambda: "catalog" in space.kubectl("logs", name, check=False))
    processes = space.kubectl("exec", name, "--", "python", "-c", PROCESSES)
    assert "--channels=/etc/netproof-channels" in processes
    run = space.ended(job)
    assert {each["channel"]: each["delivered"] for each in run.message["channels"]} == {"slack": True, "broken": False}
    assert "1 leak" in outside.slack()

    secret = space.get("secret", "netproof-channels")
    assert base64.b64decode(secret["data"]["slack"]).decode() == outside.slack_url
    manifest = space.cluster.helm("get", "manifest", "netproof", "-n", space.name)
    said += [
        processes,
        run.logs,
        run.terminated["message"],
        space.kubectl("describe", KINDS),
        space.kubectl("get", KINDS, "-o", "yaml"),
        space.kubectl("describe", "secrets"),
        *(json.dumps(each) for each in yaml.safe_load_all(manifest) if each["kind"] != "Secret"),
    ]
    for part in said:
        for secret_ in secrets_in(outside.slack_url, *SLACK_TOKEN.split("/"), PASSWORD, HEARTBEAT):
            assert secret_ not in part, part


def secrets_in(*words: str) -> list[str]:
    """Each word as it is, and as base64 would hold it wherever in a longer text it stands."""
    encoded = [
        base64.b64encode(b"." * shift + word.encode()).decode()[4 if shift else 0 : -4]
        for word in words
        for shift in range(3)
    ]
    return [*words, *encoded]
