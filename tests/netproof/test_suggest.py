"""`netproof suggest` and `netproof coverage` as commands: values that are merged, and output that cannot be written."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.checker.command import netproof
from tests.netns import NETPROOF
from tests.planner.world import SHOP, deployment, policy


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


@pytest.mark.parametrize(
    ("command", "reader", "code"),
    [
        (["suggest", "--output", "table"], "| true", 0),
        (["suggest", "--output", "json"], "| true", 0),
        (["coverage", "--fail-under", "101", "values.yaml"], "| true", 1),
        (["suggest"], "> /dev/full", 70),
    ],
)
def test_a_reader_that_ends_does_not_change_the_exit_code_but_a_full_disk_does(
    command: list[str], reader: str, code: int, tmp_path: Path
) -> None:
    more = [deployment(f"more-{n}", {"app": f"more-{n}"}) for n in range(500)]  # the output is larger than buffers
    items = [*SHOP, *(more if reader == "| true" else ())]
    (tmp_path / "objects.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    (tmp_path / "values.yaml").write_text("targets: {allow: ['catalog:8080']}\n")
    script = f"{shlex.join([str(NETPROOF), *command, 'objects.json'])} {reader}; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert ran.returncode == code
    assert ("No space left on device" in ran.stderr) == (code == 70)
    assert ("netproof itself failed" in ran.stderr) == (code == 70)


def test_a_table_of_160000_pairs_is_not_kept_in_memory(tmp_path: Path) -> None:
    items = [deployment(f"app-{n}", {"app": f"app-{n}"}, {"containerPort": 80}) for n in range(400)]
    items.append(policy("closed"))
    (tmp_path / "objects.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    limit = ["prlimit", f"--data={64 * 2**20}"]
    ran = netproof("suggest", "--output", "table", tmp_path / "objects.json", wrap=limit)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 400 * 400 + 2
