"""From objects and what is remembered to a situation: across vantages, it judges what no single run can.

A denial is proven while another vantage has reached the same target recently enough by its own schedule. A vantage
that does not run is a finding. The state is brought up to date in place; all else is values.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, cast

from checker.words import harmless
from checker.words import seconds as duration
from reporter import history, runs
from reporter.history import STATES, Record, State, forget, identify, learn
from reporter.objects import CronJob, Job, Objects
from reporter.schedule import ScheduleError, late
from reporter.settings import Settings
from reporter.settings import Vantage as Listed
from reporter.situation import SEVERITY, Check, Delivery, Finding, Kind, Place, Situation, Vantage

_UNKNOWN = 86_400  # seconds that count as recent where a schedule cannot be read
_ROUNDS, _RESTART = 2.5, 420  # of a continuous vantage: rounds, and seconds for a restart, until silence is too long
_COARSE = 300  # seconds between two notes that rounds go on: each is a write
_PASSED = 10  # rounds that no inconclusive run outlasts: it has ended the process before


class _Found(NamedTuple):
    """A vantage, and what there is of it now."""

    key: str
    listed: Listed
    cronjob: CronJob | None
    jobs: Sequence[Job]  # that have not ended
    unlisted: str  # why its namespace could not be listed
    lives: int  # of a continuous vantage: since when its rounds happen; 0: they do not

    def late(self, since: int) -> int:
        """From when on silence since then is too long. Raises ScheduleError."""
        if self.listed.mode == "continuous":
            return since + int(_ROUNDS * duration(self.listed.every)) + _RESTART
        spec = self.cronjob.spec if self.cronjob else None
        schedule = spec.schedule if spec else self.listed.schedule
        return late(schedule, (spec and spec.time_zone) or "", since)


def look(objects: Objects, state: State, settings: Settings, now: int) -> Situation:
    """Take in what the objects show, and say what the situation is. `now` is in seconds since the epoch."""
    pods, found = runs.pods_of_jobs(objects), _vantages(objects, settings)
    known = {ident for vantage in state.vantages.values() for ident in vantage.known}
    ended = [run for run in runs.ended(objects, pods, known, now) if run.vantage in found]
    for run in sorted(ended, key=lambda run: run.finished):
        learn(state, run, settings.cluster_domain)
    _forget_runs(objects, state)
    unreadable = list(objects.unreadable)
    for each in found.values():
        vantage = state.vantages.setdefault(each.key, history.Vantage(met=now))
        if each.lives and now - vantage.last > _COARSE:
            vantage.last = now
        if each.lives and now - each.lives > _PASSED * duration(each.listed.every) + _RESTART:
            _learn_rounds(state, each, settings, now)
        trouble = _trouble(each, state, pods, now, unreadable)
        _learn_trouble(state, each, trouble, now)
    _leave(state, found, objects, settings, now)
    return _situation(found, state, settings, now, unreadable)


def _forget_runs(objects: Objects, state: State) -> None:
    """Forget the ids of runs that exist no more."""
    there = {each.metadata.uid[:8] for each in objects.jobs} | {each.metadata.uid[:8] for each in objects.pods}
    for key, vantage in state.vantages.items():
        if key.partition("/")[0] not in objects.unlisted:
            vantage.known = [ident for ident in vantage.known if ident.partition(".")[0] in there]


def _vantages(objects: Objects, settings: Settings) -> dict[str, _Found]:
    """Join the vantages that the chart lists with those that have objects."""
    jobs: dict[str, list[Job]] = defaultdict(list)
    cronjobs = {key: each for each in objects.cronjobs if each.checks and (key := runs.key(each.metadata))}
    for job in objects.jobs:
        if job.ended is None and (key := runs.key(job.metadata)):
            jobs[key].append(job)
    listed = {f"{each.namespace}/{settings.release}/{each.name}": each for each in settings.vantages}
    if not listed:
        for pod in objects.pods:
            key = runs.key(pod.metadata)
            if key and pod.checker and any(owner.kind == "ReplicaSet" for owner in pod.metadata.owner_references or ()):
                namespace, _, name = key.split("/", 2)
                listed[key] = Listed(name=name, namespace=namespace, mode="continuous")
    lives = {key: since for key, since in runs.living(objects).items() if key in listed}
    for key in cronjobs.keys() - listed.keys():
        namespace, _, name = key.split("/", 2)
        listed[key] = Listed(name=name, namespace=namespace)
    return {
        key: _Found(
            key, each, cronjobs.get(key), jobs[key], objects.unlisted.get(each.namespace, ""), lives.get(key, 0)
        )
        for key, each in sorted(listed.items())
    }


def _trouble(
    found: _Found, state: State, pods: Mapping[str, Any], now: int, unreadable: list[str]
) -> tuple[Kind, str] | None:
    """Say why a vantage says nothing, or not all; None when all is well."""
    vantage = state.vantages.get(found.key) or history.Vantage()
    stuck = (reason for job in found.jobs if (reason := runs.stuck(job, pods.get(job.metadata.uid, []), now)))
    silent = _absent(found) or next(stuck, None)
    try:
        silent = silent or _overdue(found, vantage, now)
    except ScheduleError as error:
        listed = found.listed
        unreadable.append(f"vantage {listed.name} in {listed.namespace}: {harmless(str(error))}")
    if silent or vantage.problem:
        return "overdue" if silent or vantage.reported < vantage.last else "inconclusive", silent or vantage.problem
    return None


def _absent(found: _Found) -> str | None:
    listed, cronjob = found.listed, found.cronjob
    if found.unlisted:
        return f"namespace {listed.namespace} cannot be listed: {found.unlisted}"
    if listed.mode == "cronjob" and cronjob is None:
        return "its CronJob does not exist any more. If this is intended, remove the vantage from the release"
    if cronjob and cronjob.spec.suspend:
        patch = f"kubectl patch cronjob -n {listed.namespace} {cronjob.metadata.name}"
        return f'its CronJob is suspended. To go on: {patch} -p \'{{"spec":{{"suspend":false}}}}\''
    return None


def _overdue(found: _Found, vantage: history.Vantage, now: int) -> str | None:
    """Say whether a run is missing. Raises ScheduleError."""
    listed, cronjob, last = found.listed, found.cronjob, vantage.last
    began = last or (runs.seconds(cronjob.metadata.creation_timestamp) if cronjob else vantage.met)
    if found.lives or now <= found.late(began):
        return None
    when = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%d %H:%M UTC")
    since = f"no run has ended since {when}" if last else "no run has ended yet"
    if not cronjob:
        return f"{since}. See: kubectl get pods -n {listed.namespace}"
    look = f"kubectl describe cronjob -n {listed.namespace} {cronjob.metadata.name}"
    return f"{since} (schedule {cronjob.spec.schedule}). See: {look}"


def _learn_rounds(state: State, found: _Found, settings: Settings, now: int) -> None:
    """Take rounds that go on and on for passes: a violation, or inconclusive rounds in a row, would have ended them."""
    vantage = state.vantages.get(found.key) or history.Vantage()
    if vantage.problem or any(record.state in ("v", "i") for record in vantage.checks.values()):
        history.all_pass(state, found.key, settings.cluster_domain, now)


def _learn_trouble(state: State, found: _Found, trouble: tuple[Kind, str] | None, now: int) -> None:
    key = f"vantage {found.key}"
    if trouble is None:
        state.close(key, found.key, now)
        return
    kind, text = trouble[0], harmless(trouble[1])
    known = state.findings.get(key)
    since = known.since if known and not known.ended else now  # an unchanged state is not written again
    place = f"{found.listed.name} in {found.listed.namespace}"
    state.open(key, found.key, kind, since, text, which="", target=place).text = text


def _leave(state: State, found: Mapping[str, _Found], objects: Objects, settings: Settings, now: int) -> None:
    """Let go of vantages that are neither listed nor there, each once."""
    for key, vantage in state.vantages.items():
        namespace, _, name = key.split("/", 2)
        if key in found:
            vantage.left = 0
        if key in found or vantage.left or namespace in objects.unlisted:
            continue
        vantage.left = now
        for record in vantage.checks.values():
            forget(state, key, record, identify(record.target, namespace, settings.cluster_domain), now)
        text = "it left the release: nothing is checked from there any more"
        left = state.open(f"vantage {key}", key, "overdue", now, text, which="", target=f"{name} in {namespace}")
        left.text = text
        state.close(f"vantage {key}", key, now, gone=True)


def _situation(
    found: Mapping[str, _Found], state: State, settings: Settings, now: int, unreadable: Iterable[str]
) -> Situation:
    alive: dict[str, list[tuple[str, int]]] = defaultdict(list)  # by identity: who reached it, until when it counts
    ident = partial(identify, cluster_domain=settings.cluster_domain)
    for key, each in found.items():
        for record in vantage.checks.values() if (vantage := state.vantages.get(key)) else ():
            if record.state == "p" and record.expect != "blocked" and not record.proxied:
                try:
                    until = each.late(record.passed)
                except ScheduleError:
                    until = record.passed + _UNKNOWN
                if until >= now or each.lives:
                    alive[ident(record.target, each.listed.namespace)].append((key, until))
    vantages = []
    for key, each in found.items():
        known = state.vantages.get(key) or history.Vantage()
        checks = []
        for record in known.checks.values():
            if record.state:
                target = ident(record.target, each.listed.namespace)
                prover = next((other for other, _ in alive.get(target, ()) if other != key), None)
                checks.append(_check(key, record, target, prover and found[prover].listed.name))
        vantages.append(_vantage(each, known, state, tuple(checks)))
    findings = [finding(key, each, now) for key, each in state.findings.items() if not each.ended]
    return Situation(
        at=_time(now),
        release=settings.release,
        cluster=settings.cluster,
        vantages=tuple(vantages),
        findings=tuple(sorted(findings, key=lambda each: (-SEVERITY[each.kind], each.since, each.key))),
        unreadable=tuple(unreadable),
        running=any(each.jobs for each in found.values()),
        undelivered=tuple(
            Delivery(channel=name, since=_time(each.since), reason=each.reason) for name, each in state.failing.items()
        ),
    )


def _check(key: str, record: Record, target: str, prover: str | None) -> Check:
    denied = record.expect == "blocked" and record.state == "p" and "://" in target and record.outcome != "impossible"
    denied = denied and not record.exempt
    return Check(
        vantage=key,
        list=cast("Any", record.which),
        target=record.target,
        identity=target,
        name=record.name,
        because=record.because,
        expect=cast("Any", record.expect),
        state=cast("Any", STATES[record.state]),
        finding=cast("Any", record.open or None),
        outcome=record.outcome,
        seen=record.seen,
        since=_time(record.since),
        last_seen=_time(record.looked),
        exempt=record.exempt,
        proven=prover is not None if denied else None,
        proven_by=prover if denied else None,
        lag=record.lag,
        controls=tuple(record.controls),
        days=record.days,
        first_day=record.first_day,
        changes=tuple(record.changes),
    )


def _vantage(found: _Found, known: history.Vantage, state: State, checks: tuple[Check, ...]) -> Vantage:
    listed, trouble = found.listed, state.findings.get(f"vantage {found.key}")
    open_trouble = trouble if trouble and not trouble.ended else None
    role = known.role if known.reported else listed.role
    return Vantage(
        key=found.key,
        name=listed.name,
        namespace=listed.namespace,
        release=found.key.split("/", 2)[1],
        role=cast("Any", role),
        mode=listed.mode,
        schedule=found.cronjob.spec.schedule if found.cronjob else listed.schedule,
        last_run=_time(known.reported) if known.reported else None,
        exit_code=known.exit_code,
        verdict=cast("Any", known.verdict),
        duration=known.duration,
        netproof=known.netproof,
        image=known.image,
        running=bool(found.jobs or found.lives),
        overdue=open_trouble.text if open_trouble and open_trouble.kind == "overdue" else None,
        problem=known.problem or None,
        days=tuple(sorted(known.days.items())),
        checks=checks,
    )


def finding(key: str, known: history.Finding, now: int) -> Finding:
    """Write a remembered finding as a value."""
    return Finding(
        key=key,
        kind=cast("Any", known.kind),
        list=cast("Any", known.which or None),
        target=known.target,
        name=known.name,
        because=known.because,
        text=known.text or next((evidence for _, evidence in known.places.values() if evidence), ""),
        since=_time(known.since),
        last_seen=_time(known.seen if known.which or known.ended else now),
        ended=_time(known.ended) if known.ended else None,
        gone=known.gone,
        places=tuple(
            Place(vantage=place.split("/", 2)[2], namespace=place.split("/", 2)[0], kind=cast("Any", kind), seen=seen)
            for place, (kind, seen) in sorted((known.places or dict.fromkeys(known.were, (known.kind, ""))).items())
        ),
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
