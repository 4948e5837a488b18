"""`netproof status`: show the situation of a release, from Kubernetes objects in a pipe or a file."""

import time
from collections.abc import Iterable

from checker.model import EXIT_CODES, Verdict
from checker.words import harmless
from netproof.arguments import FILE, Add, InputError, Options, content
from netproof.console import table
from reporter.history import Check, State
from reporter.judge import look
from reporter.objects import Objects, UnreadableListError, read
from reporter.settings import Settings
from reporter.situation import Situation, utc

_GET = "kubectl get cronjobs,jobs,pods -A -l netproof-vantage -o json"
_DOMAIN = "DNS domain of the cluster (default %(default)s)"
_HEAD = ("NAMESPACE", "VANTAGE", "LIST", "TARGET", "STATE", "SINCE")
_EXEMPT = "blocked; no pod may reach it, so nothing can prove that it is up"


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("file", nargs="?", **FILE, help=f"Kubernetes objects as JSON (default: standard input); make it with: {_GET}")
    add("--cluster-domain", default="cluster.local", metavar="NAME", help=_DOMAIN)


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    found = situation(options)
    print(*_lines(found), sep="\n")
    return EXIT_CODES[Verdict(found.state)]


def situation(options: Options) -> Situation:
    """Read the objects that the arguments name, and judge them. Raises InputError."""
    objects = Objects()
    try:
        read(content(options.file), objects)
    except UnreadableListError as error:
        name = options.file or "standard input"
        raise InputError(f"{name}: {harmless(str(error))}; make it with: {_GET}") from None
    settings = Settings(cluster_domain=options.cluster_domain, cluster=vars(options).get("cluster", ""))
    return look(objects, State(), settings, int(time.time()))


def _lines(situation: Situation) -> Iterable[str]:
    rows = [
        (each.namespace, each.name, check.list, check.target, _state(check), _since(check.since))
        for each in situation.vantages
        for check in each.checks
    ]
    if rows:
        yield from table([_HEAD, *rows])
    for finding in situation.findings:
        if not finding.list:
            yield f"{finding.kind}: {finding.target}: {harmless(finding.text)}"
    yield from (f"cannot be read: {harmless(each)}" for each in situation.unreadable)
    if not situation.vantages:
        yield f"There is no CronJob of netproof in it; make it with: {_GET}"
    proven = [check.proven for check in situation.checks if check.proven is not None]
    counts = f"{len(situation.vantages)} vantages, {len(situation.findings)} findings"
    yield f"{situation.state.upper()}  {counts}, {sum(proven)} of {len(proven)} blocked targets proven"


def _state(check: Check) -> str:
    if check.state == "violation":
        return "LEAK" if check.list == "deny" else "UNREACHABLE"
    if check.state == "inconclusive":
        return f"inconclusive ({check.finding})" if check.finding != "inconclusive" else "inconclusive"
    if check.exempt:
        return _EXEMPT
    if check.proven is None:
        return {"blocked": "not possible", "alive": "up"}.get(check.expect, "reachable")
    return f"blocked, proven by {check.proven_by}" if check.proven else "blocked, unproven"


def _since(when: int) -> str:
    minutes = int(time.time() - when) // 60
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"
    return f"{utc(when):%Y-%m-%d %H:%M} UTC ({age})"
