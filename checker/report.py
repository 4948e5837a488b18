"""A run as one JSON document, version 1: everything that is shown or sent later is rendered from it.

`report.schema.json` beside this file is its schema. Times are ISO 8601 in UTC, durations and offsets are seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import __version__
from checker.model import Expect, Plan, Result, Run, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = 1
# Bytes: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
LARGEST_TERMINATION_MESSAGE = 4096
_LONGEST_TEXT = 160  # bytes of a text in the termination message
_ENCODING: Any = {"encoding": "utf-8", "errors": "backslashreplace"}  # a path may be no text: JSON escapes it alike
EXIT_CODES = {Verdict.PASS: 0, Verdict.VIOLATION: 1, Verdict.INCONCLUSIVE: 3}
INTERRUPTED = {"SIGINT": 130, "SIGTERM": 143}

Document = dict[str, Any]


def of_run(run: Run) -> Document:
    """Make the report of a run."""
    vantage = run.plan.vantage
    return {
        **_head(run.started, run.duration, exit_code(run), run.verdict),
        "summary": summary(run),
        "stopped": run.stopped,
        "warnings": list(run.warnings),
        "error": None,
        "vantage": {
            "name": vantage.name,
            "cluster": vantage.cluster,
            "namespace": vantage.namespace,
            "node": vantage.node,
            "labels": dict(vantage.labels),
            "role": "control" if vantage.control else "vantage",
            "isolated": vantage.isolated,
        },
        "settle": run.plan.settle,
        "notify": dict(run.plan.notify),
        "checks": [_check(result) for result in run.results],
        "channels": [],
        "heartbeat": None,
    }


def summary(run: Run) -> dict[str, int]:
    """Count the checks by what came of them."""
    counts = Counter(result.verdict for result in run.results)
    findings = Counter(_finding(result) for result in run.results)
    return {
        "checks": len(run.results),
        "pass": counts[Verdict.PASS],
        "violation": counts[Verdict.VIOLATION],
        "inconclusive": counts[Verdict.INCONCLUSIVE],
        "leaks": findings["leak"],
        "unreachable": findings["unreachable"],
        "unproven": sum(result.verdict is Verdict.PASS and unvouched(result) for result in run.results),
    }


def of_error(title: str, problems: Sequence[str], code: int, notify: Mapping[str, Any]) -> Document:
    """Make the report of a run that probed nothing: a broken configuration, or a failure of the checker itself."""
    started = datetime.now(UTC).timestamp()
    empty = of_run(Run(Plan(()), started, 0.0, ()))
    return {
        **empty,
        "verdict": None,
        "exitCode": code,
        "error": {"title": title, "problems": list(problems)},
        "notify": dict(notify),
        "vantage": empty["vantage"] | {key: os.environ.get(f"NETPROOF_{key.upper()}") for key in ("namespace", "node")},
    }


def exit_code(run: Run) -> int:
    """Tell how the process ends: a violation beats all, then what stopped the run."""
    if run.verdict is not Verdict.VIOLATION and run.stopped in INTERRUPTED:
        return INTERRUPTED[run.stopped]
    return EXIT_CODES[run.verdict]


def unvouched(result: Result) -> bool:
    """Whether a check passes as denied although nothing shows that its target is alive."""
    return result.check.expect is Expect.BLOCKED and result.check.vouched_by is None


def seen(result: Result) -> str:
    """Tell the evidence that decided, with its address where the target does not name it."""
    observation = result.judgement.observation
    if observation is None:
        return ""
    return (
        f"{observation.address}: {observation.seen}"
        if observation.address not in (None, result.check.target.host)
        else observation.seen
    )


def meaning(result: Result) -> str:
    """Tell what a verdict means; of a denial, also what it rests on."""
    check = result.check
    text = result.judgement.meaning
    if check.expect is not Expect.BLOCKED or result.verdict is not Verdict.PASS:
        return text
    if check.vouched_by:
        return f"{text} {check.vouched_by} shows that it is alive."
    return (
        f"{text} Unproven: {'nobody at all may reach it' if not check.control else 'nothing shows that it is alive'}."
    )


def write_in_place(file: Path, content: str) -> None:
    """Write a file that cannot be replaced: a device, or a mount of its own as the termination log is."""
    file.write_text(content, **_ENCODING)


def write(file: Path, content: str) -> None:
    """Write a file so that a reader sees all of it, or what was there before."""
    if file.exists() and not file.is_file():
        write_in_place(file, content)
        return
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with open(handle, "w", **_ENCODING) as stream:  # noqa: PTH123 - a descriptor has no path
        stream.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(file)


def dumps(document: Document) -> str:
    """Write the document as JSON, for people too."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def termination_message(document: Document) -> str:
    """Write the short form that Kubernetes keeps: at most 4,096 bytes, and complete JSON whatever is cut."""
    keep = ("version", "verdict", "exitCode", "started", "vantage", "summary", "stopped", "error", "channels")
    short: Document = {key: _shortened(document[key]) for key in keep}
    if short["error"]:
        short["error"]["problems"] = short["error"]["problems"][:8]
    if len(_compact(short["vantage"]["labels"])) > LARGEST_TERMINATION_MESSAGE // 4:
        short["vantage"]["labels"] = {}
    order = {"leak": 0, "unreachable": 1, "unproven": 2}
    findings = (check for check in document["checks"] if check["finding"])
    found = sorted(findings, key=lambda check: order[check["finding"]])
    keys = ("finding", "list", "target", "outcome", "seen", "because")
    short["findings"] = [_shortened({key: check[key] for key in keys}) for check in found[:40]]
    short["findingsLeftOut"] = len(found) - len(short["findings"])
    while len(message := _compact(short)) > LARGEST_TERMINATION_MESSAGE:
        if short["findings"]:
            short["findings"].pop()
            short["findingsLeftOut"] += 1
        elif short["channels"]:
            short["channels"].pop()
        else:
            short["error"]["problems"].pop()
    return message.decode(**_ENCODING)


def _compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(**_ENCODING)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {_shortened(key): _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if not isinstance(value, str) or len(_compact(value)) <= _LONGEST_TEXT:
        return value
    kept = value[:_LONGEST_TEXT]
    while len(_compact(kept)) > _LONGEST_TEXT - len("…".encode()):
        kept = kept[:-1]
    return kept + "…"


def _head(started: float, duration: float, code: int, verdict: Verdict) -> Document:
    when = datetime.fromtimestamp(started, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "version": VERSION,
        "netproof": __version__,
        "started": when,
        "duration": round(duration, 3),
        "verdict": verdict,
        "exitCode": code,
    }


def _check(result: Result) -> Document:
    check, observation = result.check, result.judgement.observation
    return {
        "list": check.list,
        "target": str(check.target),
        "name": check.name,
        "because": check.because,
        "where": check.where,
        "expect": check.expect,
        "verdict": result.verdict,
        "finding": _finding(result),
        "outcome": result.outcome,
        "address": observation.address if observation else None,
        "seen": seen(result),
        "meaning": meaning(result),
        "vouchedBy": check.vouched_by,
        "lag": None if result.lag is None else round(result.lag, 3),
        "attempts": [
            {
                "at": round(attempt.at, 4),
                "elapsed": round(attempt.elapsed, 4),
                "sights": [
                    {key: getattr(observation, key) for key in ("address", "family", "outcome", "seen")}
                    for observation in attempt.observations
                ],
                "leftOut": list(attempt.left_out),
            }
            for attempt in result.attempts
        ],
    }


def _finding(result: Result) -> str | None:
    if result.verdict is Verdict.PASS:
        return None
    if result.verdict is Verdict.INCONCLUSIVE:
        return "unproven"
    return "leak" if result.check.expect is Expect.BLOCKED else "unreachable"
