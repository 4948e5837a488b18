"""`netproof check`: probe the lists, report the results, and exit with the verdict."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from checker import network, runner
from checker.model import INTERRUPTED, Plan, Run, Verdict
from netproof import arguments as shared
from netproof.console import Console
from netproof.failure import Failure
from netproof.publish import TERMINATION_LOG, Readers, publish
from netproof.rounds import Rhythm, repeat


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    shared.add_lists(parser)
    shared.add_channels(parser)
    shared.add_templates(parser)
    add = parser.add_argument
    add("--settle", type=shared.duration, metavar="TIME", help="time for policies to settle (default 10s; 0: no wait)")
    add(
        "--deadline",
        type=shared.duration,
        metavar="TIME",
        help="time limit for all checks; the rest is then inconclusive",
    )
    add("--concurrency", type=shared.count, metavar="N", help="number of attempts at once (default 500)")
    add("--output", choices=("text", "json"), default="text", help="lines of text, or the report as JSON")
    add("--report", type=Path, metavar="FILE", help="also write the report as JSON to this file")
    add(
        "--termination-log",
        type=Path,
        metavar="FILE",
        help=f"write a short report (default {TERMINATION_LOG} if it exists)",
    )
    add("--heartbeat", type=Path, metavar="FILE", help="file with the URL to call after each run")
    add("--no-notify", action="store_true", help="send nothing: no message, no heartbeat")
    add("--every", type=shared.period, metavar="TIME", help="repeat the check until a violation")
    add(
        "--inconclusive",
        type=shared.count,
        default=3,
        metavar="N",
        help="exit after N inconclusive rounds in a row (default 3)",
    )
    add("--alive", type=Path, metavar="FILE", help="write this file after each round, for `netproof alive`")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    for file in (options.report, options.termination_log, options.alive):
        if file and not _writable(file):
            raise shared.UsageError(f"{file} cannot be written: name a file in a folder that netproof may write to")
    gc.disable()  # looking for cycles among ten thousand tasks costs more time than a process of seconds has
    if options.every is None:
        return _run(options, shared.plan(options))[1]
    rhythm = Rhythm(options.every, options.inconclusive, options.alive)
    return repeat(rhythm, lambda: shared.plan(options), lambda plan, is_last: _run(options, plan, is_last))


def _run(options: argparse.Namespace, plan: Plan, is_last: Callable[[Run], bool] | None = None) -> tuple[Run, int]:
    """Probe a plan and report it. Returns the exit code, too: one of `--every` reports less when it is not the last."""
    console = Console(sys.stdout if options.output == "text" else sys.stderr)
    ran = probe(plan, console)
    readers = _readers(options)
    if is_last:
        last = is_last(ran)
        due = ran.verdict is Verdict.PASS or (last and ran.exit_code not in INTERRUPTED.values())
        readers = replace(readers, last=last, notify=readers.notify and due)
    if readers.last:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the message goes out; it takes less than a pod's grace period
    try:
        return ran, _publish(ran, options, readers, console)
    except (Exception, KeyboardInterrupt) as error:
        if ran.verdict is not Verdict.VIOLATION:
            raise
        console.note("ERROR", f"the report was not written or sent everywhere: {type(error).__name__}")
        return ran, ran.exit_code  # a violation stays one, whatever fails after it


def failed(failure: Failure, options: argparse.Namespace | None) -> None:
    """Report a check that could not run. Without options (they were invalid), the default readers get it."""
    from checker.report import of_error  # noqa: PLC0415 - see _publish

    error = of_error(failure.title, failure.problems, failure.code, failure.notify)
    publish(error, _readers(options) if options else Readers(), Console(sys.stderr))


def probe(plan: Plan, console: Console, is_own: Callable[[str], bool] = network.is_own) -> Run:
    """Run a plan, and print each result as it is decided."""
    for warning in plan.warnings:
        console.note("WARN", warning)
    ran = asyncio.run(runner.run(plan, console.result, is_own=is_own))
    for warning in ran.warnings[len(plan.warnings) :]:
        console.note("WARN", warning)
    if ran.error:
        console.note("ERROR", f"netproof itself failed: {ran.error}")
    return ran


def _writable(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return os.access(file.parent, os.W_OK)
    except OSError:
        return False
    return os.access(file, os.W_OK)


def _readers(options: argparse.Namespace) -> Readers:
    return Readers(
        report=options.report,
        termination_log=options.termination_log,
        channels=options.channels,
        templates=options.templates,
        heartbeat=options.heartbeat,
        notify=not options.no_notify,
    )


def _publish(ran: Run, options: argparse.Namespace, readers: Readers, console: Console) -> int:
    """Report a run to all its readers. Return the exit code."""
    if options.output == "text":
        console.summary(ran)
    code = ran.exit_code
    if options.output == "json" or readers.any:
        from checker.report import dumps, of_run  # noqa: PLC0415 - a run without a reader needs no msgspec

        document = of_run(ran)
        try:
            document = publish(document, readers, console)
        finally:
            if options.output == "json":
                Console().print(dumps(document).rstrip())
        code = document.exit_code
    return code
