"""From objects and what is remembered to a situation: what no single run can decide.

A denial is proven while another vantage has reached the same target recently enough by its own schedule. A vantage
that does not run is a finding. The state is changed in place.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import asdict, replace

from checker.words import harmless
from reporter import history, runs
from reporter.history import SEVERITY, Check, State
from reporter.learn import learn, learn_rounds, leave
from reporter.objects import Object, Objects
from reporter.schedule import ScheduleError
from reporter.settings import Settings
from reporter.settings import Vantage as Listed
from reporter.situation import Situation, Vantage, utc

_UNKNOWN = 86_400  # seconds that count as recent where a schedule cannot be read


def look(objects: Objects, state: State, settings: Settings, now: int) -> Situation:
    """Update the state with what the objects show, and return the situation. `now` is in seconds since the epoch."""
    pods = runs.last_pods(objects)
    vantages = _vantages(objects, pods, state, settings, now)
    known = {key: vantage.runs for key, vantage in state.vantages.items()}
    for run in runs.ended(objects, pods, known, now):
        if run.vantage in vantages:
            learn(state, run, settings.cluster_domain)
    _forget_runs(objects, state)
    for vantage in vantages.values():
        learn_rounds(state, vantage, now)
        _learn_trouble(state, vantage, now)
    for key in list(state.vantages):
        if key not in vantages and key.partition("/")[0] not in objects.unlisted:
            _leave(state, key, now)
    _prove(vantages.values(), now)
    order = sorted((-SEVERITY[each.kind], each.since, key) for key, each in state.findings.items() if not each.ended)
    findings = tuple(state.findings[key] for *_, key in order)
    return Situation(now, settings, tuple(vantages.values()), findings, tuple(objects.unreadable), dict(state.failing))


def _vantages(
    objects: Objects, pods: Mapping[str, Object], state: State, settings: Settings, now: int
) -> dict[str, Vantage]:
    """Join the vantages that the chart lists with those that have objects."""
    cronjobs = {key: each for each in objects.cronjobs if (key := runs.key(each.metadata))}
    continuous = sorted((pod for pod in objects.pods if pod.continuous), key=lambda pod: pod.started)
    rounds = {key: pod.started for pod in continuous if (key := runs.key(pod.metadata))}
    jobs: dict[str | None, list[tuple[Object, Object | None]]] = defaultdict(list)
    for job in objects.jobs:
        if job.ended is None:
            jobs[runs.key(job.metadata)].append((job, pods.get(job.metadata.uid)))
    listed = {f"{each.namespace}/{settings.release}/{each.name}": each for each in settings.vantages}
    there = cronjobs.keys() if listed else {**rounds, **cronjobs}.keys()
    for key in there - listed.keys():
        namespace, _, name = key.split("/", 2)
        listed[key] = Listed(name=name, namespace=namespace, mode="cronjob" if key in cronjobs else "continuous")
    found = {}
    for key, each in sorted(listed.items()):
        cronjob, unlisted = cronjobs.get(key), objects.unlisted.get(each.namespace, "")
        this = replace(each, schedule=cronjob.spec.schedule) if cronjob else each
        made = cronjob.metadata.created if cronjob else now
        known = state.vantages.setdefault(key, history.Vantage(this, scheduled=made, role=this.role))
        found[key] = Vantage(key, known, cronjob, jobs[key], rounds.get(key, 0), unlisted, **asdict(this))
        before, known.listed = known.listed, this
        if known.left or (before.mode, before.schedule, before.every) != (this.mode, this.schedule, this.every):
            known.scheduled = now
        if before.config != this.config:  # the API does not show which checks a continuous vantage has now
            leave(state, key, known.checks, now)
        known.left = 0
    return found


def _forget_runs(objects: Objects, state: State) -> None:
    """Forget the ids of runs that no longer exist."""
    there = {job.metadata.uid[:8] for job in objects.jobs} | {pod.metadata.uid[:8] for pod in objects.pods}
    for key, vantage in state.vantages.items():
        if key.partition("/")[0] not in objects.unlisted:
            vantage.runs = [ident for ident in vantage.runs if ident.partition(".")[0] in there]


def _learn_trouble(state: State, vantage: Vantage, now: int) -> None:
    """Note why a vantage does not run, or why its last run has no complete report."""
    known, overdue, unknown = vantage.known, "", ""
    try:
        overdue = next(_reasons(vantage, now), "")
    except ScheduleError as error:
        unknown = f"whether a run is missing is not known: {error}"
    if not overdue and known.reported < known.last:
        overdue = known.problem
    known.overdue, text = harmless(overdue), harmless(overdue or known.problem or unknown)
    if text:
        state.open(_itself(vantage.key, text), vantage.key, "overdue" if overdue else "inconclusive", now)
    else:
        state.close(_itself(vantage.key).key, vantage.key, now)


def _itself(key: str, seen: str = "") -> Check:
    """Return what has the findings of a vantage itself. What is seen is why it does not run."""
    namespace, _, name = key.split("/", 2)
    return Check("", f"{name} in {namespace}", key, finding="vantage", seen=seen)


def _reasons(vantage: Vantage, now: int) -> Iterator[str]:
    """Yield the reasons why a vantage does not run, the most certain first. Raises ScheduleError."""
    cronjob, known = vantage.cronjob, vantage.known
    name = f"-n {vantage.namespace} {cronjob.metadata.name}" if cronjob else ""
    if vantage.unlisted:
        yield f"namespace {vantage.namespace} cannot be listed: {vantage.unlisted}"
    if vantage.mode == "cronjob" and cronjob is None:
        yield "its CronJob does not exist any more. If this is intended, remove the vantage from the release"
    if cronjob and cronjob.spec.suspend:
        resume = f'kubectl patch cronjob {name} -p \'{{"spec":{{"suspend":false}}}}\''
        yield f"its CronJob is suspended. To resume it: {resume}"
    for job, pod in vantage.jobs:
        yield from runs.stuck(job, pod, now)
    began = max(known.last, known.scheduled)
    if now <= vantage.late(began):
        return
    since = f"no run has ended since {utc(began):%Y-%m-%d %H:%M} UTC" if known.last else "no run has ended yet"
    if cronjob:
        yield f"{since} (schedule {cronjob.spec.schedule}). See: kubectl describe cronjob {name}"
    yield f"{since}. See: kubectl get pods -n {vantage.namespace}"


def _leave(state: State, key: str, now: int) -> None:
    """Note once that a vantage was removed from the release. Forget it when its history is too old to be shown."""
    known, itself = state.vantages[key], _itself(key, "it was removed from the release")
    if known.left:
        if known.left < now - history.OLDEST:
            del state.vantages[key]
        return
    known.left = now
    leave(state, key, known.checks, now)
    state.open(itself, key, "overdue", now)
    state.close(itself.key, key, now, gone=True)


def _prove(vantages: Iterable[Vantage], now: int) -> None:
    """Note of each denial which other vantage has reached the target recently."""
    reached: dict[str, list[Vantage]] = defaultdict(list)
    for vantage in vantages:
        for check in vantage.checks:
            if check.state == "pass" and check.expect != "blocked" and not check.proxied:
                try:
                    recent = vantage.rounds_since or vantage.late(check.passed) >= now
                except ScheduleError:
                    recent = check.passed + _UNKNOWN >= now
                if recent:
                    reached[check.identity].append(vantage)
    for vantage in vantages:
        for check in vantage.checks:
            others = (other.name for other in reached.get(check.identity, ()) if other is not vantage)
            denied = check.state == "pass" and check.expect == "blocked"
            provable = denied and check.outcome != "impossible" and not check.exempt
            check.proven_by = next(others, "") if provable else None
