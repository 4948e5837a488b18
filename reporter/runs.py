"""What Jobs and their pods left behind, as runs: each with a report, or with the reason why there is none."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from checker.report import Report
from checker.termination import UnreadableError, read
from checker.words import harmless
from reporter.objects import Job, Metadata, Objects, Pod, Terminated

_GRACE = 30  # seconds until a Job without a running pod counts as one that cannot start
_LONG_GRACE = 120  # while its pod mounts volumes and pulls images without complaint
_CODE = re.compile(r"exit code (\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended. Times are seconds since the epoch."""

    vantage: str
    id: str
    job: str
    finished: int
    exit_code: int | None
    report: Report | None
    problem: str = ""
    image: str = ""


def key(metadata: Metadata) -> str | None:
    """Name the vantage that an object belongs to: namespace/release/name."""
    labels = metadata.labels or {}
    release = labels.get("netproof-release") or labels.get("app.kubernetes.io/instance")
    name = labels.get("netproof-vantage") or labels.get("app.kubernetes.io/component")
    if not (release and name) or name == "reporter" or "helm.sh/hook" in (metadata.annotations or {}):
        return None
    return harmless(f"{metadata.namespace}/{release}/{name}")


def seconds(time: datetime | None) -> int:
    """Turn a time into seconds since the epoch; 0 where there is none."""
    return int(time.timestamp()) if time else 0


def pods_of_jobs(objects: Objects) -> Mapping[str, list[Pod]]:
    """Group pods by the Job that made them, the last one last."""
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in sorted(objects.pods, key=lambda pod: seconds(pod.metadata.creation_timestamp)):
        for owner in pod.metadata.owner_references or ():
            found[owner.uid].append(pod)
    return found


def ended(objects: Objects, pods: Mapping[str, list[Pod]], known: AbstractSet[str], now: int) -> Iterator[Run]:
    """Read the runs that ended, without those whose id is known."""
    for job in objects.jobs:
        vantage, end, ident = key(job.metadata), job.ended, job.metadata.uid[:8]
        if vantage is None or end is None or ident in known:
            continue
        finished = seconds(end.last_transition_time) or now
        mine = pods.get(job.metadata.uid, [])
        if not mine and now - finished < _GRACE:
            continue  # the lists are not of one moment: the next round knows
        yield _run(vantage, ident, job, mine, finished)
    for pod in objects.pods:  # of a vantage that runs continuously: a restart is the end of a run
        vantage, container = key(pod.metadata), pod.checker
        if vantage and container and any(owner.kind == "ReplicaSet" for owner in pod.metadata.owner_references or ()):
            last = container.state.terminated or container.last_state.terminated
            ident = f"{pod.metadata.uid[:8]}.{container.restart_count}"
            if last and ident not in known:
                report, problem = _report(last)
                finished = seconds(last.finished_at) or now
                yield Run(vantage, ident, pod.metadata.name, finished, last.exit_code, report, problem, container.image)


def living(objects: Objects) -> dict[str, int]:
    """Find the continuous vantages whose rounds happen, with the time since when: their startup probe says so."""
    found = {}
    for pod in objects.pods:
        container, vantage = pod.checker, key(pod.metadata)
        if vantage and container and container.started and container.state.running and not _of_job(pod):
            found[vantage] = seconds(container.state.running.started_at)
    return found


def _of_job(pod: Pod) -> bool:
    return any(owner.kind == "Job" for owner in pod.metadata.owner_references or ())


def stuck(job: Job, pods: list[Pod], now: int) -> str | None:
    """Say why a Job that runs cannot start, with the reason that its pod shows."""
    where, waited = job.metadata.namespace, now - seconds(job.status.start_time or job.metadata.creation_timestamp)
    if waited < _GRACE:
        return None
    if not pods:
        look = f"kubectl describe job -n {where} {job.metadata.name}"
        return f"Job {job.metadata.name} has no pod: a quota or an admission webhook may refuse it. See: {look}"
    status, look = pods[-1].status, f"kubectl describe pod -n {where} {pods[-1].metadata.name}"
    for each in [*(status.init_container_statuses or ()), *(status.container_statuses or ())]:
        waiting = each.state.waiting
        quiet = waiting and waiting.reason in (None, "ContainerCreating", "PodInitializing")
        if waiting and not (quiet and waited < _LONG_GRACE):
            message = harmless(waiting.message or "")[:300]
            return f"Job {job.metadata.name} cannot start: {waiting.reason} {message}".rstrip() + f". See: {look}"
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"its pod cannot be scheduled: {harmless(condition.message or '')[:300]}. See: {look}"
    return None


def _run(vantage: str, ident: str, job: Job, pods: list[Pod], finished: int) -> Run:
    end = job.ended
    code = _CODE.search(end.message or "") if end else None
    exit_code = int(code[1]) if code else 0 if end and end.type == "Complete" else None
    for pod in reversed(pods):
        container = pod.checker
        if container and container.state.terminated:
            last = container.state.terminated
            report, problem = _report(last)
            if pod.status.reason:  # the kubelet ended it, and may have written a termination message of its own
                problem = f"its pod did not run to its end: {_reason(pod)}"
            image = container.image_id or container.image
            return Run(vantage, ident, job.metadata.name, finished, last.exit_code, report, problem, image)
    why = f"its pod left none ({_reason(pods[-1])})" if pods else "its pod is gone"
    reason = f"; the Job's reason: {harmless(end.reason)}" if end and end.reason and end.type == "Failed" else ""
    known = "" if exit_code is None else f" with exit code {exit_code}"
    problem = f"Job {job.metadata.name} ended{known}, but there is no report: {why}{reason}"
    return Run(vantage, ident, job.metadata.name, finished, exit_code, None, problem)


def _reason(pod: Pod) -> str:
    """Say how a pod ended: Evicted, for example, with the message of the kubelet."""
    status = pod.status
    return harmless(": ".join(filter(None, (status.reason or status.phase or "unknown", status.message))))[:250]


def _report(last: Terminated) -> tuple[Report | None, str]:
    """Read the termination message. Returns the report and what is wrong with it, or with the run."""
    how = f"exit code {last.exit_code}" + (f", {harmless(last.reason)}" if last.reason not in (None, "Error") else "")
    if not last.message:
        return None, f"the run left no termination message ({how})"
    try:
        report = read(last.message)
    except UnreadableError as error:
        return None, f"the termination message cannot be read: {harmless(str(error))[:200]} ({how})"
    if report.error:
        return report, harmless(" ".join((report.error.title, *report.error.problems[:3])))[:500]
    if report.exit_code != last.exit_code:
        return report, f"the exit code differs from the report's: {how}, not {report.exit_code}"
    violations = sum(each.verdict == "violation" for each in report.checks)
    if violations < report.summary.violation or not report.checks:
        return report, f"the termination message is incomplete: {report.left_out} checks are only in the log"
    return report, ""
