"""Kubernetes objects as the API shows them, made for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from checker import report, termination
from checker.model import Expect, Finding, Outcome, Vantage, Verdict
from reporter.findings import Finding as Found
from reporter.findings import findings
from reporter.history import State
from reporter.judge import look
from reporter.objects import Objects, read
from reporter.settings import Settings

if TYPE_CHECKING:
    from reporter.situation import Situation

Object = dict[str, Any]
NOON = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
HOUR = 3600
ENDS = {0: ("Complete", None), 1: ("Failed", "PodFailurePolicy"), 3: ("Failed", "PodFailurePolicy")}


def stamp(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")


def labels(name: str, release: str = "np") -> dict[str, str]:
    return {
        "netproof-release": release,
        "netproof-vantage": name,
        "app.kubernetes.io/name": "shop",  # the pods have the application's labels
        "app.kubernetes.io/instance": "prod",
        "app.kubernetes.io/component": "web",
    }


def check(text: str, verdict: str = "pass", **given: Any) -> report.Check:
    """Make a check of `deny db:5432`, `allow db:5432` or `alive db:5432`."""
    word, target = text.split()
    expect = {"deny": Expect.BLOCKED, "allow": Expect.REACHABLE, "alive": Expect.ALIVE}[word]
    seen = Verdict(verdict)
    got_in = (seen is Verdict.PASS) != (expect is Expect.BLOCKED)
    values: dict[str, Any] = {
        "list": "allow" if expect is Expect.REACHABLE else "deny",
        "target": target if "://" in target else f"tcp://{target}",
        "expect": expect,
        "verdict": seen,
        "finding": Finding.of(expect, seen),
        "outcome": Outcome.UNRESOLVED if seen is Verdict.INCONCLUSIVE else Outcome.OPEN if got_in else Outcome.SILENT,
        "seen": "10.42.0.9: accepted after 0.4 ms" if got_in else "nothing came back",
    }
    return report.Check(**values | given)


def message(*checks: report.Check, code: int | None = None, **given: Any) -> str:
    """Write the termination message of a run."""
    verdicts = [each.verdict for each in checks]
    worst = next((each for each in ("violation", "inconclusive") if each in verdicts), "pass")
    values: dict[str, Any] = {
        "version": 2,
        "netproof": "0.2.0",
        "started": "2026-06-01T12:00:00.000Z",
        "duration": 11.0,
        "verdict": Verdict(worst),
        "exit_code": {"pass": 0, "violation": 1, "inconclusive": 3}[worst] if code is None else code,
        "summary": report.Summary(
            checks=len(checks),
            passed=verdicts.count(Verdict.PASS),
            violation=verdicts.count(Verdict.VIOLATION),
            inconclusive=verdicts.count(Verdict.INCONCLUSIVE),
            leaks=0,
            unreachable=0,
        ),
        "vantage": Vantage(role="control" if any(each.expect == "alive" for each in checks) else "vantage"),
        "checks": checks,
    }
    return termination.shorten(report.Report(**values | given))


class World:
    """A cluster's objects: CronJobs, and the Jobs and pods that they made."""

    def __init__(self) -> None:
        self.items: list[Object] = []
        self.number = 0

    def cronjob(self, name: str = "front", namespace: str = "shop", **given: Any) -> None:
        template = {"spec": {"template": {"spec": {"containers": [{"name": "netproof"}]}}}}
        spec = {"schedule": "0 * * * *", "jobTemplate": template, **given}
        self.items.append(
            {
                "kind": "CronJob",
                "metadata": {
                    "name": f"np-{name}",
                    "namespace": namespace,
                    "uid": f"{namespace}-{name}",
                    "labels": labels(name),
                    "creationTimestamp": stamp(NOON - 10 * HOUR),
                },
                "spec": spec,
            }
        )

    def run(
        self,
        text: str | None,
        at: int = NOON,
        name: str = "front",
        namespace: str = "shop",
        code: int | None = None,
    ) -> tuple[Object, Object]:
        """Add a Job that ended at that time, and its pod with a termination message."""
        self.number += 1
        if code is None:
            code = json.loads(text)["exitCode"] if text else 0
        end, reason = ENDS.get(code, ("Failed", "PodFailurePolicy"))
        text_of_end = f"Container netproof for pod failed with exit code {code} matching FailJob rule at index 1"
        condition = {"type": end, "status": "True", "lastTransitionTime": stamp(at)}
        condition |= {"reason": reason, "message": text_of_end} if reason else {}
        job, pod = self.start(at - 12, name, namespace)
        job["status"]["conditions"] = [condition]
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": stamp(at), "message": text}
        pod["status"] = {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "netproof", "state": {"terminated": ended}, "imageID": "sha256:1"}],
        }
        return job, pod

    def start(self, at: int, name: str = "front", namespace: str = "shop") -> tuple[Object, Object]:
        """Add a Job that runs, and its pod."""
        self.number += 1
        uid = f"{self.number:08d}-job"
        meta = {"namespace": namespace, "labels": labels(name), "creationTimestamp": stamp(at)}
        job: Object = {
            "kind": "Job",
            "metadata": {**meta, "name": f"np-{name}-{self.number}", "uid": uid},
            "status": {"startTime": stamp(at), "active": 1},
        }
        pod: Object = {
            "kind": "Pod",
            "metadata": {
                **meta,
                "name": f"np-{name}-{self.number}-x",
                "uid": f"{self.number:08d}-pod",
                "ownerReferences": [{"uid": uid, "kind": "Job"}],
            },
            "status": {"phase": "Running", "containerStatuses": [{"name": "netproof", "state": {"running": {}}}]},
        }
        self.items += [job, pod]
        return job, pod

    def continuous(self, name: str = "front", namespace: str = "shop", **status: Any) -> Object:
        """Add the pod of a vantage that runs continuously."""
        pod: Object = {
            "kind": "Pod",
            "metadata": {
                "name": f"np-{name}-x",
                "namespace": namespace,
                "uid": f"{namespace}-{name}-pod",
                "labels": labels(name),
                "ownerReferences": [{"uid": "r", "kind": "ReplicaSet"}],
            },
            "status": {"phase": "Running", "containerStatuses": [{"name": "netproof", **status}]},
        }
        self.items.append(pod)
        return pod

    def objects(self) -> Objects:
        objects = Objects()
        read(json.dumps({"items": self.items}).encode(), objects)
        return objects


class Watch:
    """A release that is watched from one moment to the next."""

    def __init__(self, **settings: Any) -> None:
        self.world, self.state, self.settings = World(), State(), Settings(release="np", **settings)

    def look(self, now: int = NOON) -> Situation:
        return look(self.world.objects(), self.state, self.settings, now)

    @property
    def findings(self) -> dict[str, Found]:
        """All findings, also those that have ended."""
        return findings(self.state.vantages.values())


def kinds(situation: Situation) -> list[tuple[str, str, int]]:
    """The open findings: kind, target, and from how many vantages it is seen."""
    return [(each.kind, each.check.target, len(each.seen_from)) for each in situation.findings]
