"""Makes a situation from the objects and the state: it decides what no single run can decide.

A denial is proven while another vantage has reached the same target recently enough by its own schedule. A vantage
that does not run is a finding. The state is changed in place.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from checker.words import harmless, seconds
from reporter import runs
from reporter.findings import findings
from reporter.history import OLDEST, Check, State, Vantage
from reporter.learn import RESTART, learn, learn_rounds, leave
from reporter.objects import Group, Objects
from reporter.schedule import ScheduleError, late
from reporter.settings import Settings
from reporter.settings import Vantage as Listed
from reporter.situation import Situation, utc

_ROUNDS = 2.5  # of a continuous vantage, and time for a restart, until it is overdue
_UNKNOWN = 86_400  # seconds that count as recent where a schedule cannot be read


def look(objects: Objects, state: State, settings: Settings, now: int) -> Situation:
    """Update the state with what the objects show, and return the situation. `now` is in seconds since the epoch."""
    groups, vantages = objects.by_vantage(), []
    for key, listed in sorted(_listed(groups, settings).items()):
        group, unlisted = groups.get(key, Group()), objects.unlisted.get(listed.namespace, "")
        vantage = _vantage(key, listed, group, state, now)
        vantages.append(vantage)
        for run in runs.ended(group, vantage.runs, now):
            learn(vantage, run, settings.cluster_domain)
        if not unlisted:  # forget the runs that no longer exist
            there = {each.metadata.uid[:8] for each in (*(job for job, _ in group.jobs), *group.continuous)}
            vantage.runs = [ident for ident in vantage.runs if ident.partition(".")[0] in there]
        learn_rounds(vantage, now)
        _learn_trouble(vantage, group, unlisted, now)
    for key in state.vantages.keys() - {vantage.key for vantage in vantages}:
        if key.partition("/")[0] not in objects.unlisted:
            _leave(state, key, now)
    _prove(vantages, now)
    lasting = tuple(each for each in findings(state.vantages.values()).values() if not each.ended)
    running = {key for key, group in groups.items() if any(job.ended is None for job, _ in group.jobs)}
    failing = {name: each for name, each in state.channels.items() if each.failing}
    return Situation(now, settings, tuple(vantages), lasting, running, tuple(objects.unreadable), failing)


def _listed(groups: Mapping[str, Group], settings: Settings) -> dict[str, Listed]:
    """Join the vantages that the chart lists with those that have objects."""
    listed = {f"{each.namespace}/{settings.release}/{each.name}": each for each in settings.vantages}
    for key, group in groups.items():
        namespace, _, name = key.split("/", 2)
        if group.cronjob:
            listed.setdefault(key, Listed(name=name, namespace=namespace))
        elif group.continuous and not settings.vantages:
            listed[key] = Listed(name=name, namespace=namespace, mode="continuous")
    return listed


def _vantage(key: str, listed: Listed, group: Group, state: State, now: int) -> Vantage:
    """Return what is remembered of a vantage, with what the chart and its objects show of it now."""
    made, zone = now, ""
    if cronjob := group.cronjob:
        made, zone = cronjob.metadata.created, cronjob.spec.time_zone or ""
        listed = replace(listed, schedule=cronjob.spec.schedule)
    new = Vantage(key, listed, Check("", f"{listed.name} in {listed.namespace}", key), role=listed.role, scheduled=made)
    vantage = state.vantages.setdefault(key, new)
    before, vantage.listed, vantage.zone = vantage.listed, listed, zone
    vantage.rounds = max((pod.started for pod in group.continuous), default=0)
    if vantage.left or (before.mode, before.schedule, before.every) != (listed.mode, listed.schedule, listed.every):
        vantage.scheduled = now
    if before.config != listed.config:  # the API does not show which checks a continuous vantage has now
        leave(vantage, vantage.checks, now)
    vantage.left = 0
    return vantage


def _learn_trouble(vantage: Vantage, group: Group, unlisted: str, now: int) -> None:
    """Note why a vantage does not run, or why its last run has no complete report."""
    overdue, text, itself = "", vantage.problem, vantage.itself
    try:
        overdue = next(_reasons(vantage, group, unlisted, now), "")
    except ScheduleError as error:
        text = text or f"it is not known whether a run is missing: {error}"
    if not overdue and vantage.reported < vantage.last:
        overdue = vantage.problem
    kind = "overdue" if overdue else "inconclusive" if text else ""
    if kind:
        itself.seen = harmless(overdue or text)
    if kind != itself.finding:
        itself.find("", vantage.key, now)
        itself.find(kind, vantage.key, now)


def _reasons(vantage: Vantage, group: Group, unlisted: str, now: int) -> Iterator[str]:
    """Yield the reasons why a vantage does not run, the most certain first. Raises ScheduleError."""
    namespace, cronjob = vantage.listed.namespace, group.cronjob
    name = f"-n {namespace} {cronjob.metadata.name}" if cronjob else ""
    if unlisted:
        yield f"namespace {namespace} cannot be listed: {unlisted}"
    if vantage.listed.mode == "cronjob" and cronjob is None:
        yield "its CronJob does not exist any more. If this is intended, remove the vantage from the release"
    if cronjob and cronjob.spec.suspend:
        resume = f'kubectl patch cronjob {name} -p \'{{"spec":{{"suspend":false}}}}\''
        yield f"its CronJob is suspended. To resume it: {resume}"
    yield from filter(None, (runs.stuck(job, pods, now) for job, pods in group.jobs))
    if now <= _late(vantage, max(vantage.last, vantage.scheduled)):
        return
    since = f"no run has ended since {utc(vantage.last):%Y-%m-%d %H:%M} UTC" if vantage.last else "no run has ended yet"
    if cronjob:
        yield f"{since} (schedule {cronjob.spec.schedule}). See: kubectl describe cronjob {name}"
    yield f"{since}. See: kubectl get pods -n {namespace}"


def _late(vantage: Vantage, since: int) -> int:
    """Return the time from which a run is missing, if the last one ended at `since`. Raises ScheduleError."""
    if vantage.listed.mode == "continuous":
        return since + int(_ROUNDS * seconds(vantage.listed.every)) + RESTART
    return late(vantage.listed.schedule, vantage.zone, since)


def _leave(state: State, key: str, now: int) -> None:
    """Note once that a vantage was removed from the release. Forget it when its history is too old to be shown."""
    vantage = state.vantages[key]
    if not vantage.left:
        vantage.left = now
        leave(vantage, vantage.checks, now)
        vantage.itself.seen = "it was removed from the release"
        vantage.itself.find("overdue", key, now)
        vantage.itself.find("", key, now, gone=True)
    elif vantage.left < now - OLDEST:
        del state.vantages[key]


def _prove(vantages: Iterable[Vantage], now: int) -> None:
    """Note of each denial which other vantage has reached the target recently."""
    reached: dict[str, list[Vantage]] = defaultdict(list)
    for vantage in vantages:
        for check in vantage.current:
            if check.state == "pass" and check.expect != "blocked" and not check.proxied:
                try:
                    recent = vantage.rounds or _late(vantage, check.passed) >= now
                except ScheduleError:
                    recent = check.passed + _UNKNOWN >= now
                if recent:
                    reached[check.identity].append(vantage)
    for vantage in vantages:
        for check in vantage.current:
            others = (other.listed.name for other in reached.get(check.identity, ()) if other is not vantage)
            denied = check.state == "pass" and check.expect == "blocked"
            provable = denied and check.outcome != "impossible" and not check.exempt
            check.proven_by = next(others, "") if provable else None
