"""`netproof suggest --merge`: the values of a file are kept, and what is new is marked."""

import json
from pathlib import Path

from tests.checker.command import netproof
from tests.planner.world import SHOP


def test_values_are_kept_and_new_ones_are_marked(tmp_path: Path) -> None:
    objects, values = tmp_path / "objects.json", tmp_path / "values.yaml"
    objects.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": SHOP}))
    values.write_text("# our words\nimage: {tag: ours}\n")
    ran = netproof("suggest", "--merge", values, objects)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "# our words\nimage: {tag: ours}" in ran.stdout
    assert "# suggest: new" in ran.stdout


def test_without_a_denial_there_is_nothing_to_suggest(tmp_path: Path) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "open", "namespace": "shop"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
    }
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    ran = netproof("suggest", tmp_path / "policy.json")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "there is nothing to suggest: no NetworkPolicy blocks a pod from a Service" in ran.stderr
