"""The runs of a vantage that ended: each with its report, or with the reason why there is none.

What the texts quote is not trusted: who stores or shows them makes them harmless.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from checker.report import Report
from checker.termination import UnreadableError, read
from reporter.objects import Detail, Group, Object, seconds

_GRACE = 30  # seconds until a Job without a running pod counts as one that cannot start
_LONG_GRACE = 120  # while its pod mounts volumes and pulls images without an error
_STOPPED = 143  # exit code after SIGTERM without a violation
_CODE = re.compile(r"exit code (\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended."""

    id: str  # of a Job, of a Job and its pod, or of a continuous pod and its restart
    finished: int  # seconds since the epoch
    exit_code: int | None
    problem: str  # why there is no report, or not a complete one
    report: Report | None = None
    image: str = ""
    retry: bool = False  # another pod of the same Job left a run before


def ended(group: Group, known: Collection[str], now: int) -> list[Run]:
    """Collect the runs of one vantage, without those whose id is known, in the order in which they ended."""
    found = [run for job, pods in group.jobs for run in _of_job(job, pods, known, now)]
    for pod in group.continuous:
        if container := pod.checker:
            last = container.state.get("terminated") or container.last_state.get("terminated")
            replaced = pod.metadata.deletion_timestamp and last and last.exit_code == _STOPPED
            ident = f"{pod.metadata.uid[:8]}.{container.restart_count}"
            if last and not replaced and ident not in known:
                found.append(_of_container(ident, pod, last, now))
    return sorted(found, key=lambda run: run.finished)


def _of_job(job: Object, pods: Sequence[Object], known: Collection[str], now: int) -> Iterator[Run]:
    """Yield the runs of a Job.

    Each pod that left a report is a run: the Job may try again with another pod, or go on because of a sidecar.
    """
    ident, end = job.metadata.uid[:8], job.ended
    if ident in known:  # without a report: its pod had been deleted
        return
    read = any(each.startswith(ident) for each in known)
    for pod in pods:
        last, of_pod = pod.checker and pod.checker.state.get("terminated"), f"{ident}.{pod.metadata.uid[:8]}"
        if last and of_pod not in known:
            run = _of_container(of_pod, pod, last, now)
            if run.report or (end and pod is pods[-1]):
                yield replace(run, retry=read)
                read = True
    finished = min(seconds(end.last_transition_time) or now, now) if end else now
    if end and not read and now - finished >= _GRACE:  # its pod may be listed later, or still be writing its report
        code = _CODE.search(end.message or "")
        exit_code = int(code[1]) if code else 0 if end.type == "Complete" else None
        coded = "" if exit_code is None else f" with exit code {exit_code}"
        why = f"its pod left no termination message ({_reason(pods[-1])})" if pods else "its pod was deleted"
        reason = f"; the Job's reason: {end.reason}" if end.reason and end.type == "Failed" else ""
        problem = f"Job {job.metadata.name} ended{coded}, but there is no report: {why}{reason}"
        yield Run(ident, finished, exit_code, problem)


def _of_container(ident: str, pod: Object, last: Detail, now: int) -> Run:
    """Read the run that a container left."""
    report, problem = _report(last)
    if pod.status.reason:  # the kubelet may have ended it, and have written a termination message of its own
        problem = f"its pod did not run to its end: {_reason(pod)}"
    container = pod.checker
    image = container.image_id or container.image if container else ""
    return Run(ident, min(seconds(last.finished_at) or now, now), last.exit_code, problem, report, image)


def stuck(job: Object, pods: Sequence[Object], now: int) -> str:
    """Return why the pod of a Job does not start; empty: it has ended, or may start soon."""
    name, where = job.metadata.name, job.metadata.namespace
    waited = now - (seconds(job.status.start_time) or job.metadata.created)
    if job.ended or waited < _GRACE:
        return ""
    if not pods:
        see = f"kubectl describe job -n {where} {name}"
        return f"Job {name} has no pod: a quota or an admission webhook may refuse it. See: {see}"
    pod = pods[-1]
    status, see = pod.status, f"kubectl describe pod -n {where} {pod.metadata.name}"
    for container in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        waiting = container.state.get("waiting")
        quiet = waiting and waiting.reason in (None, "ContainerCreating", "PodInitializing")
        if waiting and not (quiet and waited < _LONG_GRACE):
            message = (waiting.message or "")[:300]
            return f"Job {name} cannot start: {waiting.reason} {message}".rstrip() + f". See: {see}"
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"its pod cannot be scheduled: {(condition.message or '')[:300]}. See: {see}"
    return ""


def _reason(pod: Object) -> str:
    """Return how a pod ended: Evicted, for example, with the message of the kubelet."""
    status = pod.status
    return ": ".join(filter(None, (status.reason or status.phase or "unknown", status.message)))[:250]


def _report(last: Detail) -> tuple[Report | None, str]:
    """Read the termination message. Return the report, and what is wrong with it or with the run."""
    how = f"exit code {last.exit_code}" + (f", {last.reason}" if last.reason not in (None, "Error") else "")
    if not last.message:
        return None, f"the run left no termination message ({how})"
    try:
        report = read(last.message)
    except UnreadableError as error:
        return None, f"the termination message cannot be read: {str(error)[:200]} ({how})"
    if report.error:
        return report, " ".join((report.error.title, *report.error.problems[:3]))[:500]
    if report.exit_code != last.exit_code:
        return report, f"the exit code differs from the report's: {how}, not {report.exit_code}"
    findings = sum(each.verdict != "pass" for each in report.checks)
    if findings < report.summary.violation + report.summary.inconclusive or not report.checks:
        return report, f"the termination message is incomplete: {report.left_out} checks are only in the log"
    return report, ""
