"""`netproof status`: show the situation of a release, from Kubernetes objects in a pipe or a file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker.words import harmless
from netproof.arguments import InputError

if TYPE_CHECKING:
    from reporter.situation import Check, Situation

EXIT_CODES = {"pass": 0, "violation": 1, "inconclusive": 3}
GET = "kubectl get cronjobs,jobs,pods -A -l netproof-vantage -o json"
_HEAD = ("NAMESPACE", "VANTAGE", "LIST", "TARGET", "STATE", "SINCE")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.epilog = f"{GET} | netproof status"
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="Kubernetes objects as JSON (default: standard input)"
    )
    add = parser.add_argument
    add(
        "--cluster-domain",
        default="cluster.local",
        metavar="NAME",
        help="DNS domain of the cluster (default cluster.local)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    found = situation(options)
    print("\n".join(_lines(found)))
    return EXIT_CODES[found.state]


def situation(options: argparse.Namespace) -> Situation:
    """Read the objects that the arguments name, and judge them. Raises InputError."""
    from reporter.history import State  # noqa: PLC0415 - other commands do without
    from reporter.judge import look  # noqa: PLC0415
    from reporter.objects import Objects, UnreadableListError, read  # noqa: PLC0415
    from reporter.settings import Settings  # noqa: PLC0415

    objects, name = Objects(), str(options.file or "standard input")
    try:
        read(options.file.read_bytes() if options.file else sys.stdin.buffer.read(), objects)
    except OSError as error:
        raise InputError([f"{name} cannot be read: {error.strerror}"]) from None
    except UnreadableListError as error:
        raise InputError([f"{name}: {harmless(str(error))}; make it with: {GET}"]) from None
    return look(
        objects,
        State(),
        Settings(cluster_domain=options.cluster_domain, cluster=vars(options).get("cluster", "")),
        int(time.time()),
    )


def _lines(situation: Situation) -> Iterable[str]:
    rows = [
        (each.namespace, each.name, check.list, check.target, _state(check), _since(check.since))
        for each in situation.vantages
        for check in each.checks
    ]
    yield from _table([_HEAD, *rows]) if rows else []
    for finding in situation.findings:
        if finding.list is None:
            yield f"{finding.kind}: {finding.target}: {harmless(finding.text)}"
    yield from (f"cannot be read: {harmless(each)}" for each in situation.unreadable)
    if not situation.vantages:
        yield f"There is no CronJob of netproof in it; make it with: {GET}"
    denials = [check for check in situation.checks if check.proven is not None]
    counts = f"{len(situation.findings)} findings, {sum(each.proven is True for each in denials)} of {len(denials)}"
    yield f"{situation.state.upper()}  {len(situation.vantages)} vantages, {counts} blocked targets proven"


def _state(check: Check) -> str:
    if check.state == "violation":
        return "LEAK" if check.list == "deny" else "UNREACHABLE"
    if check.state == "inconclusive":
        return f"inconclusive ({check.finding})" if check.finding != "inconclusive" else "inconclusive"
    if check.exempt:
        return "blocked; nobody may reach it, so nothing can prove that it is alive"
    if check.proven is None:
        return {"blocked": "not possible", "alive": "alive"}.get(check.expect, "reachable")
    return f"blocked, proven by {check.proven_by}" if check.proven else "blocked, unproven"


def _since(when: datetime) -> str:
    minutes = int((datetime.now(UTC) - when).total_seconds()) // 60
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"
    return f"{when:%Y-%m-%d %H:%M} UTC ({age})"


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    rows = [[harmless(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
