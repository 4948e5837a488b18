"""The runs of Jobs and continuous pods: each with its report, or with the reason why there is none."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checker.report import Report
from checker.termination import UnreadableError, read
from checker.words import harmless
from reporter.objects import Condition, Detail, Metadata, Object, Objects, seconds

_GRACE = 30  # seconds until a Job without a running pod counts as one that cannot start
_LONG_GRACE = 120  # while its pod mounts volumes and pulls images without complaint
_STOPPED = 143  # exit code after SIGTERM without a violation
_CODE = re.compile(r"exit code (\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended. Times are seconds since the epoch."""

    vantage: str
    id: str
    finished: int
    exit_code: int | None = None
    last: Detail | None = None  # how its container terminated
    problem: str = ""  # why there is no report, or not a complete one
    image: str = ""

    def report(self) -> tuple[Report | None, str]:
        """Read the termination message. Return the report, and what is wrong with it or with the run."""
        report, problem = _report(self.last) if self.last else (None, "")
        return report, self.problem or problem


def key(metadata: Metadata) -> str | None:
    """Return the vantage of an object, as namespace/release/name; None for an object of something else."""
    labels = metadata.labels or {}
    release, name = labels.get("netproof-release"), labels.get("netproof-vantage")
    if not (release and name) or "helm.sh/hook" in (metadata.annotations or {}):
        return None
    return harmless(f"{metadata.namespace}/{release}/{name}")


def last_pods(objects: Objects) -> Mapping[str, Object]:
    """Return the last pod of each Job, by the Job's UID."""
    pods = sorted(objects.pods, key=lambda pod: pod.metadata.created)
    return {owner.uid: pod for pod in pods for owner in pod.metadata.owner_references or ()}


def ended(objects: Objects, pods: Mapping[str, Object], known: Mapping[str, Sequence[str]], now: int) -> list[Run]:
    """Collect the runs that ended, without those whose id is known, in the order in which they ended."""
    found = []
    read = {ident.partition(".")[0] for idents in known.values() for ident in idents}  # Jobs, and pods without one
    for run in _terminated(objects, pods, now):
        job_ident = run.id.partition(".")[0]
        read.add(job_ident)
        if not {run.id, job_ident} & set(known.get(run.vantage, ())):
            found.append(run)
    for job in objects.jobs:
        vantage, end, ident = key(job.metadata), job.ended, job.metadata.uid[:8]
        if vantage and end and ident not in read:
            run = Run(vantage, ident, seconds(end.last_transition_time) or now)
            if now - run.finished >= _GRACE:  # its pod may be listed later, or still be writing its report
                found.append(_of_job(run, job, end, pods.get(job.metadata.uid)))
    return [replace(run, finished=min(run.finished, now)) for run in sorted(found, key=lambda run: run.finished)]


def _terminated(objects: Objects, pods: Mapping[str, Object], now: int) -> Iterator[Run]:
    """Yield the runs that left the state of a container.

    Each pod of a Job that left a report is a run: the Job may try again with another pod, or go on because of a
    sidecar. Each restart of a continuous vantage is one, too.
    """
    last_of_jobs = [pods.get(job.metadata.uid) for job in objects.jobs if job.ended]
    final = {pod.metadata.uid for pod in last_of_jobs if pod}
    jobs = {job.metadata.uid: vantage for job in objects.jobs if (vantage := key(job.metadata))}
    for pod in objects.pods:
        container, uid = pod.checker, pod.metadata.uid[:8]
        if container is None:
            continue
        for owner in pod.metadata.owner_references or ():
            vantage, ident, last = jobs.get(owner.uid), f"{owner.uid[:8]}.{uid}", container.state.get("terminated")
            if pod.continuous:
                vantage, ident = key(pod.metadata), f"{uid}.{container.restart_count}"
                last = last or container.last_state.get("terminated")
            replaced = pod.continuous and pod.metadata.deletion_timestamp and last and last.exit_code == _STOPPED
            if vantage and last and not replaced:
                finished, image = seconds(last.finished_at) or now, container.image_id or container.image
                # The kubelet may have ended it, and have written a termination message of its own.
                problem = f"its pod did not run to its end: {_reason(pod)}" if pod.status.reason else ""
                run = Run(vantage, ident, finished, last.exit_code, last, problem, image)
                if pod.continuous or pod.metadata.uid in final or run.report()[0]:
                    yield run


def stuck(job: Object, pod: Object | None, now: int) -> Iterator[str]:
    """Yield why the pod of a Job that has not ended does not start."""
    name, where = job.metadata.name, job.metadata.namespace
    waited = now - (seconds(job.status.start_time) or job.metadata.created)
    if waited < _GRACE:
        return
    if pod is None:
        see = f"kubectl describe job -n {where} {name}"
        yield f"Job {name} has no pod: a quota or an admission webhook may refuse it. See: {see}"
        return  # pragma: no cover - only the first reason is read
    status, see = pod.status, f"kubectl describe pod -n {where} {pod.metadata.name}"
    for container in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        waiting = container.state.get("waiting")
        quiet = waiting and waiting.reason in (None, "ContainerCreating", "PodInitializing")
        if waiting and not (quiet and waited < _LONG_GRACE):
            message = harmless(waiting.message or "")[:300]
            yield f"Job {name} cannot start: {waiting.reason} {message}".rstrip() + f". See: {see}"
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            yield f"its pod cannot be scheduled: {harmless(condition.message or '')[:300]}. See: {see}"


def _of_job(run: Run, job: Object, end: Condition, pod: Object | None) -> Run:
    code = _CODE.search(end.message or "")
    exit_code = int(code[1]) if code else 0 if end.type == "Complete" else None
    known = "" if exit_code is None else f" with exit code {exit_code}"
    why = f"its pod left no termination message ({_reason(pod)})" if pod else "its pod was deleted"
    reason = f"; the Job's reason: {harmless(end.reason)}" if end.reason and end.type == "Failed" else ""
    problem = f"Job {job.metadata.name} ended{known}, but there is no report: {why}{reason}"
    return replace(run, exit_code=exit_code, problem=problem)


def _reason(pod: Object) -> str:
    """Return how a pod ended: Evicted, for example, with the message of the kubelet."""
    status = pod.status
    return harmless(": ".join(filter(None, (status.reason or status.phase or "unknown", status.message))))[:250]


def _report(last: Detail) -> tuple[Report | None, str]:
    """Read the termination message. Return the report, and what is wrong with it or with the run."""
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
    findings = sum(each.verdict != "pass" for each in report.checks)
    if findings < report.summary.violation + report.summary.inconclusive or not report.checks:
        return report, f"the termination message is incomplete: {report.left_out} checks are only in the log"
    return report, ""
