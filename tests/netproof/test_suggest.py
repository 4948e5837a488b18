"""`netproof suggest` and `netproof coverage` as commands: input that cannot be read, and what is printed."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.checker.command import netproof
from tests.netns import NETPROOF
from tests.planner.world import SHOP, Object, deployment, made, policy


def listed(*objects: Object) -> str:
    return json.dumps({"kind": "List", "apiVersion": "v1", "items": objects})


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


def test_unreadable_objects_are_an_error_unless_skip_unreadable() -> None:
    broken = made("Pod", "broken", metadata={"labels": {"a": 1}})
    done = netproof("suggest", input=listed(*SHOP, broken))
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input: Pod shop/broken: metadata.labels[...]: Expected `str`, got `int`" in done.stderr
    done = netproof("suggest", "--skip-unreadable", input=listed(*SHOP, broken))
    assert done.returncode == 0
    assert "Pod shop/broken" in done.stderr
    assert "shop-frontend" in done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        ("a: [", "not values of the chart"),
        ("vantages: [a]", "not values of the chart"),
    ],
)
@pytest.mark.parametrize("command", [["suggest", "--merge"], ["coverage"]])
def test_values_that_cannot_be_read_are_named(
    command: list[str], content: str | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"
    if content:
        file.write_text(content)
    done = netproof(*command, str(file), input=listed(*SHOP))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}: " in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize("given", [listed(), listed(*SHOP[:6])])
def test_without_policies_there_is_nothing_to_suggest(given: str) -> None:
    done = netproof("suggest", input=given)
    assert done.returncode == 2
    assert "there is no NetworkPolicy in the input" in done.stderr


def test_the_pairs_as_json() -> None:
    found = json.loads(netproof("suggest", "--output", "json", input=listed(*SHOP)).stdout)
    assert {
        "from": {"namespace": "batch", "workload": "Deployment/report", "labels": {"app": "report"}},
        "to": {"namespace": "shop", "workload": "Deployment/db", "service": "db", "protocol": "TCP", "port": 27017},
        "allowed": False,
        "policies": ["shop/db"],
    } in found
    assert len(found) == 10  # five workloads, two ports that Services send to


def test_the_table_shows_what_policies_decide() -> None:
    lines = netproof("suggest", "--output", "table", input=listed(*SHOP)).stdout.splitlines()
    assert lines[1].split() == ["batch/Deployment/report", "shop/Deployment/db", "27017/TCP", "no", "shop/db"]


def test_coverage_below_the_limit_is_1(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("targets: {allow: ['catalog:8080'], deny: ['db:27017']}\n")
    done = netproof("coverage", str(file), "--namespace", "shop", "--fail-under", "21", input=listed(*SHOP))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "coverage: 20 % (1 of 5 policies and rules)")
    assert (
        netproof("coverage", str(file), "--namespace", "shop", "--fail-under", "20", input=listed(*SHOP)).returncode
        == 0
    )
    file.write_text("vantages: [a]\n")
    assert netproof("coverage", str(file), input=listed(*SHOP)).returncode == 2
