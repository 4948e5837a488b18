"""Random policies on a real cluster: the evaluator agrees with the cluster, and suggested lists pass as Jobs.

The policies have no named ports, which the controller of the test cluster does not know.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.e2e.cluster import CHART, until
from tests.e2e.conftest import namespaces
from tests.e2e.world import SOON, server
from tests.planner.random_clusters import SPACES, policies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.cluster import Cluster, Object, Run, Space

PORTS = (8080, 8081)
KINDS = "networkpolicies,pods,services,namespaces,deployments,statefulsets,daemonsets,cronjobs"
LABELS = {
    "red": ({"app": "a"}, {"app": "b", "tier": "a"}),
    "green": ({"app": "a", "tier": "b"}, {"tier": "c"}),
    "blue": ({"app": "c"}, {"app": "b"}),
}
# Tries to connect from inside a pod, to all places at once, and prints what it reached.
_CONNECT = """
import asyncio, json, sys
async def reaches(host, port):
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1.5)
    except OSError:
        return False
    writer.close()
    return True
async def main(places):
    return await asyncio.gather(*(reaches(*each) for each in places))
print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
"""


@dataclass(frozen=True)
class World:
    """Three namespaces with two servers each, which stay the same; policies come and go."""

    cluster: Cluster
    spaces: dict[str, Space]

    def named(self, text: str) -> str:
        """Put the real names of namespaces in."""
        for name, space in self.spaces.items():
            text = text.replace(f'"{name}"', f'"{space.name}"')
        return text

    def objects(self) -> str:
        """What a person would pipe into netproof, without what others do in the cluster."""
        kept = {"default", "kube-system", *(space.name for space in self.spaces.values())}
        items = [
            each
            for each in self.cluster.objects(KINDS, "-A")
            if each["metadata"].get("namespace", each["metadata"]["name"]) in kept
            and "netproof" not in each["metadata"].get("labels", {}).get("app.kubernetes.io/name", "")
        ]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    def netproof(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "netproof", *arguments]
        return subprocess.run(command, input=self.objects(), check=True, stdout=subprocess.PIPE, text=True).stdout

    def replace(self, wanted: list[Object]) -> None:
        """Have these policies and no others."""
        for space in self.spaces.values():
            space.kubectl("delete", "networkpolicy", "--all")
        self.cluster.apply(*wanted)

    def reached(self) -> dict[tuple[str, str, str, str, int], bool]:
        """Try every pair of pods and ports: sender's namespace and workload, the receiver's, and the port."""
        pods = [pod for space in self.spaces.values() for pod in space.objects("pods", "-l", "!job-name")]
        goals = [(pod, port) for pod in pods for port in PORTS]
        places = json.dumps([(pod["status"]["podIP"], port) for pod, port in goals])

        def look(sender: Object) -> list[bool]:
            space, name = sender["metadata"]["namespace"], sender["metadata"]["name"]
            seen = self.cluster.kubectl("-n", space, "exec", name, "--", "python", "-c", _CONNECT, places)
            return list(json.loads(seen))

        with ThreadPoolExecutor(len(pods)) as pool:
            seen = list(pool.map(look, pods))
        return {
            (*_workload(sender), *_workload(pod), port): reached
            for sender, row in zip(pods, seen, strict=True)
            for (pod, port), reached in zip(goals, row, strict=True)
            if pod is not sender
        }

    def install(self, values: Object) -> None:
        """Install values as they are, but for times."""
        quick = {**values, "settings": SOON, "cronjob": {"schedule": "0 0 1 1 *"}}
        home = next(iter(self.spaces.values())).name
        self.cluster.helm("upgrade", "--install", "netproof", str(CHART), "-n", home, values=quick)

    def runs(self, values: Object) -> dict[str, Run]:
        """Run all vantages and the control at once."""
        places = {name: each["namespace"] for name, each in values["vantages"].items()}
        if "control" in values:
            places["control"] = values["control"]["namespace"]
        by_name = {space.name: space for space in self.spaces.values()}
        jobs = {name: (by_name[space], by_name[space].start(f"netproof-{name}")) for name, space in places.items()}
        return {name: space.ended(job) for name, (space, job) in jobs.items()}


def _names(side: Object) -> tuple[str, str]:
    return side["namespace"], side["workload"]


def _workload(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], f"Deployment/{pod['metadata']['name'].rsplit('-', 2)[0]}"


@pytest.fixture(scope="module")
def world(cluster: Cluster, image: str) -> Iterator[World]:
    with namespaces(cluster) as make:
        spaces = {
            name: make(f"netproof-planner-{name}", {"team": team}) for name, team in zip(SPACES, "aab", strict=True)
        }
        for name, space in spaces.items():
            for number, labels in enumerate(LABELS[name]):
                space.apply(*server(f"server-{number}", *PORTS, image=image, labels=labels))
        for space in spaces.values():
            space.kubectl("rollout", "status", "deployment")
        yield World(cluster, spaces)


@st.composite
def _policies(draw: st.DrawFn) -> list[Object]:
    return [draw(policies(f"policy-{number}", names=False)) for number in range(draw(st.integers(2, 4)))]


def _few(number: int) -> Callable[[Callable[[list[Object]], None]], Callable[[], None]]:
    """A fixed seed; what fails is made smaller."""
    chosen = settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(1)(chosen(given(_policies())(test)))


def test_the_evaluator_agrees_with_the_policy_controller_of_the_cluster(world: World) -> None:
    @_few(5)
    def agrees(chosen: list[Object]) -> None:
        world.replace(json.loads(world.named(json.dumps(chosen))))
        said = {
            (*_names(pair["from"]), *_names(pair["to"]), pair["to"]["port"]): pair["allowed"]
            for pair in json.loads(world.netproof("suggest", "--output", "json"))
        }

        def differing() -> list[Any]:
            seen = world.reached()
            return [(pair, reached) for pair, reached in seen.items() if said[pair] is not reached]

        until("the controller does what was said", lambda: not differing() or None, patience=10)

    agrees()


def test_suggested_values_pass_and_coverage_names_the_policies_whose_removal_fails_them(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"

    @_few(3)
    def holds(chosen: list[Object]) -> None:
        wanted = json.loads(world.named(json.dumps(chosen)))
        world.replace(wanted)
        command = [sys.executable, "-m", "netproof", "suggest"]
        done = subprocess.run(command, input=world.objects(), capture_output=True, text=True, check=False)
        if done.returncode == 2:
            assert "nothing to suggest" in done.stderr
            return
        file.write_text(done.stdout)
        values = yaml.safe_load(done.stdout)
        world.install(values)
        for run in world.runs(values).values():
            assert run.completed, f"{run}\n{done.stdout}"
        noticed = {
            line.split()[1]
            for line in world.netproof("coverage", str(file)).splitlines()
            if line.startswith("noticed") and len(line.split()) == 2
        }
        for policy in wanted:
            name = f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
            world.replace([each for each in wanted if each is not policy])
            runs = world.runs(values)
            red = {each: str(run) for each, run in runs.items() if not run.completed}
            assert bool(red) is (name in noticed), f"{name}: {red}\n{done.stdout}"

    holds()
