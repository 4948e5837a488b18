"""A cluster, by kubectl and Helm. Nothing here depends on the kind of cluster."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CHART = Path(__file__).parents[2] / "chart"
PATIENCE = 120.0  # seconds until a condition that does not come true fails the test
_LOOK_AGAIN = 0.2

Object = dict[str, Any]
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Wait for a condition: look until there is something to see. Raises AssertionError that says what was awaited."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, f"not within {patience:g} s: {what}"
        time.sleep(_LOOK_AGAIN)
    return found


class CommandError(AssertionError):
    """A command that should have succeeded, with all that it said."""


@dataclass(frozen=True, repr=False)
class Run:
    """What became of one Job."""

    job: Object
    pods: list[Object]
    logs: str

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def condition(self) -> Object:
        """The condition that ended it: Complete or Failed."""
        return next(each for each in self.job["status"]["conditions"] if each["type"] in ("Complete", "Failed"))

    @property
    def completed(self) -> bool:
        return bool(self.condition["type"] == "Complete")

    @property
    def terminated(self) -> Object:
        """How the checker's container ended, in the pod that ended last."""
        (status,) = self.pods[-1]["status"]["containerStatuses"]
        ended: Object = status["state"]["terminated"]
        return ended

    @property
    def code(self) -> int:
        return int(self.terminated["exitCode"])

    @property
    def message(self) -> Object:
        """The termination message: the short report."""
        message: Object = json.loads(self.terminated["message"])
        return message

    @property
    def report(self) -> Object:
        """The report document, of a run with `--output json`: the log holds it mixed with the lines for people."""
        report: Object = json.loads("".join(re.findall(r"^[ {}].*\n", self.logs, re.MULTILINE)))
        return report

    def check(self, target: str) -> Object:
        """The result of one check, from the report."""
        (check,) = (each for each in self.report["checks"] if target in each["target"])
        return dict(check)

    def __str__(self) -> str:
        """What a failed assertion shows."""
        return f"{self.name}: {self.condition['message']}\n{self.logs}"


@dataclass(frozen=True)
class Cluster:
    """The cluster that KUBECONFIG names."""

    kubectl_: Path
    helm_: Path
    values: Object  # that every release gets: the image

    def kubectl(self, *words: str, given: str | None = None, check: bool = True) -> str:
        """Run kubectl; return its output, with `check=False` its complaints too. Raises CommandError."""
        done = self._run(self.kubectl_, words, given, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def helm(self, *words: str, values: Mapping[str, Any] | None = None, check: bool = True) -> str:
        """Run Helm, with values on its standard input; return all that it says, warnings too. Raises CommandError."""
        if values is None:
            done = self._run(self.helm_, words, None, check=check)
        else:
            given = json.dumps({**self.values, **values})
            done = self._run(self.helm_, (*words, "--values", "-"), given, check=check)
        return done.stdout + done.stderr

    def _run(
        self, command: Path, words: Iterable[str], given: str | None, *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([command, *words], input=given, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise CommandError(f"{command.name} {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def objects(self, kind: str, *words: str) -> list[Object]:
        """List objects of a kind."""
        items: list[Object] = json.loads(self.kubectl("get", kind, *words, "-o", "json"))["items"]
        return items

    def apply(self, *objects: Object) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


@dataclass(frozen=True)
class Space:
    """A namespace that a test has to itself."""

    cluster: Cluster
    name: str
    numbers: dict[str, int] = field(default_factory=dict)

    def kubectl(self, *words: str, given: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl("-n", self.name, *words, given=given, check=check)

    def apply(self, *objects: Object) -> None:
        self.cluster.apply(*({**each, "metadata": {"namespace": self.name, **each["metadata"]}} for each in objects))

    def get(self, kind: str, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def objects(self, kind: str, *words: str) -> list[Object]:
        return self.cluster.objects(kind, "-n", self.name, *words)

    def deploy(self, *objects: Object) -> None:
        """Create objects, and wait until the servers among them are ready."""
        self.apply(*objects)
        self.kubectl("rollout", "status", "deployment")

    def evict(self, pod: str) -> None:
        """Evict a pod, as a drain does. Raises CommandError when a budget forbids it."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.name}}
        path = f"/api/v1/namespaces/{self.name}/pods/{pod}/eviction"
        self.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction))

    def install(self, values: Mapping[str, Any], release: str = "netproof", verb: str = "install") -> str:
        """Install the chart, never to run by the clock while a test looks; return its notes."""
        values = {**values, "cronjob": {"schedule": "0 0 1 1 *", **values.get("cronjob", {})}}
        return self.cluster.helm(verb, release, str(CHART), "-n", self.name, values=values)

    def start(self, cronjob: str = "netproof") -> str:
        """Run a CronJob now; return the Job's name."""
        number = self.numbers[cronjob] = self.numbers.get(cronjob, 0) + 1
        self.kubectl("create", "job", f"{cronjob}-{number}", f"--from=cronjob/{cronjob}")
        return f"{cronjob}-{number}"

    def ended(self, job: str) -> Run:
        """Wait until a Job has ended."""

        def look() -> Object | None:
            found = self.get("job", job)
            conditions = {each["type"] for each in found["status"].get("conditions", [])}
            return found if conditions & {"Complete", "Failed"} else None

        found = until(f"the end of Job {job}", look)
        pods = sorted(
            self.objects("pods", "-l", f"job-name={job}"), key=lambda pod: pod["metadata"]["creationTimestamp"]
        )
        logs = self.kubectl("logs", pods[-1]["metadata"]["name"], check=False) if pods else ""
        return Run(found, pods, logs)

    def run(self, cronjob: str = "netproof") -> Run:
        """Run a CronJob now, and wait for its end."""
        return self.ended(self.start(cronjob))
