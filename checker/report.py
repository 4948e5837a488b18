"""A run as one JSON document, version 2. Messages, pages and metrics are made from it.

The types here are its definition; `netproof schema --report` prints them as JSON Schema. Times are ISO 8601 in UTC,
durations and offsets are seconds. The termination message is the same document, shorter: see checker.termination.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from checker import __version__
from checker.model import Expect, Family, Finding, Outcome, Plan, Result, Run, Vantage, Verdict
from checker.verdict import lag

VERSION: Literal[2] = 2
FAILURE = "netproof itself failed: what was not decided before is inconclusive. Please report it."
_ENCODING: Any = {"encoding": "utf-8", "errors": "backslashreplace"}  # a path may be invalid UTF-8: it is escaped


class Summary(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many checks there were, and with what verdicts and findings."""

    checks: int
    passed: int = field(name="pass")
    violation: int
    inconclusive: int
    leaks: Annotated[int, Meta(description="Violations on the deny list.")]
    unreachable: Annotated[int, Meta(description="Violations on the allow list.")]


class Error(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why nothing was probed."""

    title: str
    problems: tuple[str, ...]


class Observation(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one address showed in one attempt."""

    address: str | None
    family: Family | None
    outcome: Outcome
    seen: str


class Attempt(Struct, frozen=True, kw_only=True, rename="camel"):
    """One fresh try at one check."""

    at: Annotated[float, Meta(description="Seconds since the run began.")]
    elapsed: float
    observations: tuple[Observation, ...]
    left_out: Annotated[tuple[str, ...], Meta(description="Addresses that could not be tested from this machine.")] = ()


class Check(Struct, frozen=True, kw_only=True, rename="camel"):
    """One target on one list, and what came of it."""

    list: Literal["allow", "deny"]
    target: Annotated[str, Meta(description="Normalised, with its port.")]
    name: str | None = None
    because: Annotated[str | None, Meta(description="Why the check exists.")] = None
    where: Annotated[str, Meta(description="Where it was asked for: file and line.")] = ""
    expect: Annotated[Expect, Meta(description="alive: the deny list of a control.")]
    verdict: Verdict
    finding: Annotated[Finding | None, Meta(description="What is wrong; null where the check passes.")] = None
    outcome: Annotated[Outcome | None, Meta(description="Null where the run was stopped before.")] = None
    address: Annotated[str | None, Meta(description="The address that decided.")] = None
    seen: Annotated[str, Meta(description="The evidence in words.")] = ""
    meaning: Annotated[str, Meta(description="What the verdict means, in plain words.")] = ""
    proxied: Annotated[bool, Meta(description="A proxy answered: this does not show that the target is up.")] = False
    exempt: Annotated[bool, Meta(description="No pod may reach it: nothing can show that it is up.")] = False
    lag: Annotated[float | None, Meta(description="Seconds until a denied target was blocked that was open first.")] = (
        None
    )
    controls: Annotated[tuple[str, ...], Meta(description="Requirements that the check is evidence for.")] = ()
    attempts: Annotated[tuple[Attempt, ...], Meta(description="All of them, in order.")] = ()


class Delivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of one message."""

    channel: str
    delivered: bool
    reason: str | None = None


class Report(Struct, frozen=True, kw_only=True, rename="camel"):
    """One run from one vantage. Everything that is shown or sent is rendered from it."""

    kind: Literal["run"] = "run"
    version: Literal[2]
    netproof: Annotated[str, Meta(description="The version of netproof that wrote it.")] = ""
    started: Annotated[str, Meta(description="UTC.", extra_json_schema={"format": "date-time"})]
    duration: Annotated[float, Meta(ge=0)] = 0.0
    verdict: Annotated[Verdict | None, Meta(description="The worst of all; null where nothing was probed.")]
    exit_code: Annotated[int, Meta(description="0, 1, 2, 3, 4, 70, 130 or 143.")]
    summary: Summary
    stopped: Annotated[str | None, Meta(description="What ended it early: deadline, SIGTERM or SIGINT.")] = None
    warnings: tuple[str, ...] = ()
    error: Error | None = None
    vantage: Vantage
    settle: Annotated[float | None, Meta(description="Seconds that policies were given to settle.")] = None
    notify: Annotated[dict[str, Any], Meta(description="The section of the configuration, as it was.")] = {}
    checks: tuple[Check, ...] = ()
    left_out: Annotated[int, Meta(description="Checks of the run that this document does not hold.")] = 0
    packed: Annotated[str | UnsetType, Meta(description="Termination message only: checks, compressed.")] = UNSET
    channels: Annotated[tuple[Delivery, ...], Meta(description="What became of each message that was due.")] = ()
    heartbeat: Annotated[str | None, Meta(description="Why the heartbeat failed.")] = None


def of_run(run: Run) -> Report:
    """Make the report of a run."""
    return Report(
        version=VERSION,
        netproof=__version__,
        started=datetime.fromtimestamp(run.started, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration=round(run.duration, 3),
        verdict=run.verdict,
        exit_code=run.exit_code,
        summary=msgspec.convert(run.summary, Summary),
        stopped=run.stopped,
        warnings=run.warnings,
        error=Error(title=FAILURE, problems=(run.error,)) if run.error else None,
        vantage=run.plan.vantage,
        settle=run.plan.settle,
        notify=dict(run.plan.notify),
        checks=tuple(_check(result) for result in run.results),
    )


def of_error(title: str, problems: Sequence[str], code: int, notify: Mapping[str, Any]) -> Report:
    """Make the report of a run that probed nothing: a broken configuration, or a failure of the checker itself."""
    vantage = Vantage(namespace=os.environ.get("NETPROOF_NAMESPACE"), node=os.environ.get("NETPROOF_NODE"))
    empty = of_run(Run(Plan((), vantage, notify=notify), datetime.now(UTC).timestamp(), 0.0, ()))
    error = Error(title=title, problems=tuple(problems))
    return msgspec.structs.replace(empty, verdict=None, exit_code=code, error=error)


def document(report: Report) -> dict[str, Any]:
    """Write the report as plain values, as JSON has them: a copy, which may be changed."""
    return dict(msgspec.to_builtins(report))


def dumps(report: Report) -> str:
    """Write the report as JSON that is safe to print: control characters are escaped."""
    return harmless(json.dumps(document(report), indent=2, ensure_ascii=False)) + "\n"


def harmless(text: str) -> str:
    """Escape in JSON text all characters that do not print: control and direction characters, and surrogates."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def schema() -> dict[str, Any]:
    """Make the JSON Schema of the report."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"netproof report, version {VERSION}"}
    return {**head, **msgspec.json.schema(Report)}


def write_in_place(file: Path, content: str) -> None:
    """Write a file that cannot be replaced: a device, or a mount of its own as the termination log is."""
    file.write_text(content, **_ENCODING)


def write(file: Path, content: str) -> None:
    """Write a file so that a reader sees all of it, or what was there before."""
    if file.exists() and not file.is_file():
        write_in_place(file, content)
        return
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(handle, "w", **_ENCODING) as stream:  # noqa: PTH123 - a descriptor has no path
            stream.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def _check(result: Result) -> Check:
    check = result.check
    return Check(
        list=check.list,
        target=str(check.target),
        name=check.name,
        because=check.because,
        where=check.where,
        expect=check.expect,
        verdict=result.verdict,
        finding=result.finding,
        outcome=result.outcome,
        address=result.observation.address if result.observation else None,
        seen=result.seen,
        meaning=result.meaning,
        proxied=check.probe.proxy,
        exempt=not check.control,
        lag=lag(result),
        controls=check.controls,
        attempts=msgspec.convert(result.attempts, tuple[Attempt, ...], from_attributes=True),
    )
