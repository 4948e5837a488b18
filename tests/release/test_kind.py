"""The script of `make kind`, with stand-ins for Docker, kind, kubectl and Helm: the commands that it runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.release.standins import ROOT, Standins

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = str(ROOT / "examples" / "kind.sh")
IMAGE = "registry.example.org/team/netproof:1.2.3"
TOOLS = ("docker", "kind", "kubectl", "helm")


@pytest.fixture
def tools(standins: Standins) -> Standins:
    for tool in TOOLS:
        standins.add(tool)
    standins.add("kind", 'case $* in "create cluster"*) cat >&2 ;; esac')  # shows the configuration it was given
    return standins


def test_the_steps_run_in_order(tools: Standins) -> None:
    done = tools.run(SCRIPT, IMAGE)
    assert done.returncode == 0, done.stderr
    assert "disableDefaultCNI: false" in done.stderr
    calls = [re.sub(r"-\d{10}\b", "", call.replace("kubectl --context kind-netproof ", "")) for call in tools.calls()]
    assert calls[1].startswith("kind create cluster --name netproof --image kindest/node:v1.35.")
    assert f"kind load docker-image --name netproof {IMAGE}" in calls
    (install,) = (call for call in calls if call.startswith("helm"))
    assert "image.registry=,image.repository=registry.example.org/team/netproof,image.tag=1.2.3" in install
    story = calls[calls.index(install) + 1 :]
    assert story == [
        "-n shop create job --from=cronjob/netproof holds",
        "-n shop create job --from=cronjob/netproof-control control",
        "-n shop wait --for=condition=Complete job/holds job/control --timeout=3m",
        "-n shop delete networkpolicy db",
        "-n shop create job --from=cronjob/netproof gone",
        "-n shop wait --for=condition=Failed job/gone --timeout=3m",
        "-n shop logs job/gone",
        "-n shop apply -f examples/shop.yaml",
        "-n shop create job --from=cronjob/netproof back",
        "-n shop wait --for=condition=Complete job/back --timeout=3m",
        "-n shop get jobs",
    ]


def test_a_cluster_that_is_there_is_used_again(tools: Standins) -> None:
    tools.add("kind", "echo netproof")
    assert tools.run(SCRIPT, IMAGE).returncode == 0
    assert not [call for call in tools.calls() if "create cluster" in call]


def test_calico_takes_the_place_of_kinds_own_plugin(tools: Standins) -> None:
    tools.environment.update(PLUGIN="calico", KUBERNETES="1.29")
    done = tools.run(SCRIPT, IMAGE)
    assert done.returncode == 0, done.stderr
    assert "disableDefaultCNI: true" in done.stderr
    assert [call for call in tools.calls() if re.search("apply .*calico/v3.*/calico.yaml", call)]
    assert "kindest/node:v1.29." in "\n".join(tools.calls())


def test_another_result_fails(tools: Standins) -> None:
    tools.add("kubectl", 'case $* in *condition=Failed*) echo "timed out" >&2; exit 1 ;; esac')
    done = tools.run(SCRIPT, IMAGE)
    assert done.returncode == 1
    assert "timed out" in done.stderr
    assert "The policy is back" not in done.stdout


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PLUGIN": "flannel"}, "PLUGIN is kindnet or calico, not 'flannel'\n"),
        ({"KUBERNETES": "1.2"}, "KUBERNETES is 1.29 or 1.35, not '1.2'\n"),
    ],
)
def test_other_choices_are_refused(tools: Standins, environment: dict[str, str], message: str) -> None:
    tools.environment.update(environment)
    done = tools.run(SCRIPT, IMAGE)
    assert (done.returncode, done.stderr, tools.calls()) == (2, message, [])


@pytest.mark.parametrize("missing", TOOLS)
def test_a_missing_tool_is_named_before_anything_begins(tools: Standins, missing: str, tmp_path: Path) -> None:
    system = tmp_path / "system"  # what the shell itself needs, and no tool that this machine happens to have
    system.mkdir()
    for name in ("bash", "dirname", "grep", "date"):
        (system / name).symlink_to(f"/usr/bin/{name}")
    (tools.folder / missing).unlink()
    tools.environment["PATH"] = f"{tools.folder}:{system}"
    done = tools.run("/usr/bin/bash", SCRIPT, IMAGE)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{missing} is missing")
    assert tools.calls() == []
