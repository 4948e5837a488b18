"""The two-file ConfigMap of the original tool, as it is; and a live edit of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.world import SOON, config_map, pods, policy, server

if TYPE_CHECKING:
    from tests.e2e.cluster import Space

ALLOW = """\
# The front end needs these
catalog:8080
"""
DENY = """\
# Only the back end may read customer data
db:27017
"""


def test_the_lists_are_read_and_an_edit_is_used_by_the_next_job(space: Space, image: str) -> None:
    space.deploy(
        *server("catalog", 8080, image=image),
        *server("db", 27017, 28017, image=image),
        policy("db", {"app": "db"}, ingress=[{"ports": [{"port": 28017}]}, {"from": [pods(app="backend")]}]),
        config_map("policies", {"allow.lst": ALLOW, "deny.lst": DENY}),
    )
    notes = space.install({"podLabels": {"app": "frontend"}, "existingConfigMap": "policies", "settings": SOON})
    assert "NO CONTROL" in notes  # nothing shows that what it denies is alive

    before = space.run()
    assert before.completed, str(before)
    assert before.message["summary"]["checks"] == 2

    space.apply(config_map("policies", {"allow.lst": ALLOW, "deny.lst": DENY + "db:28017\n"}))

    after = space.run()
    assert after.code == 1, str(after)
    assert after.message["summary"]["leaks"] == 1
    assert "db:28017" in after.logs
