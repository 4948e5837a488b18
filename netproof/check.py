"""Probe the lists, report the results, and exit with the verdict.

With `--every` it does so round after round. Each round reads the lists, CA files and channels again, as a new process
would. The file of `--alive` shows the last round; `netproof alive` reads it for the pod's probes.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from checker import network, runner
from checker.model import EXIT_CODES, INTERRUPTED, UNDELIVERED, Plan, Run, Verdict
from netproof import alive
from netproof.arguments import FILE, NUMBER, TIME, Add, Options, UsageError, add_lists, add_messages, plan
from netproof.console import Console

TERMINATION_LOG = Path("/dev/termination-log")
_LOG = f"write a short report (default {TERMINATION_LOG} if it exists)"
_DEADLINE = 60.0  # seconds that a round may take when no deadline is set


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_lists(add)
    add_messages(add)
    add("--settle", **TIME, help="time for policies to take effect (default 10s; 0: no wait)")
    add("--deadline", **TIME, help="time limit for all checks; those not decided by then are inconclusive")
    add("--concurrency", **NUMBER, help="number of attempts at the same time (default 500)")
    add("--output", choices=("text", "json"), default="text", help="lines of text, or the report as JSON")
    add("--report", **FILE, help="also write the report as JSON to this file")
    add("--termination-log", **FILE, default=TERMINATION_LOG if TERMINATION_LOG.exists() else None, help=_LOG)
    add("--heartbeat", **FILE, help="file with the URL to call after each run")
    add("--no-notify", action="store_true", help="send nothing: no message, no heartbeat")
    add("--every", **TIME, help="repeat the checks at this interval, until a violation")
    add("--inconclusive", **NUMBER, default=3, help="exit after N inconclusive rounds in a row (default 3)")
    add("--alive", **FILE, help="write this file after each round, for `netproof alive`")


def run(options: Options) -> int:
    """Run one round, or with `--every` rounds until one is the last. Return the exit code of the last one.

    The last round is a violation, a failure, an interruption, or the last of several inconclusive rounds in a row.
    The settle window counts until a round has passed, and for one whose lists have something new.
    """
    _validate(options)
    if options.alive and options.alive.is_file():
        options.alive.unlink()  # the previous container wrote it
    gc.disable()  # searching ten thousand tasks for cycles takes longer than it is worth
    console = Console(sys.stdout if options.output == "text" else sys.stderr)
    if options.channels and not os.path.isdir(options.channels):  # noqa: PTH112 - Path.is_dir raises where it may not look
        console.note("WARN", f"{options.channels}: there is no such folder of channels, so no message can be sent")
    known: frozenset[object] = frozenset()  # the checks of the last round that passed
    inconclusive = 0  # rounds in a row
    while True:
        began = time.monotonic()
        planned = plan(options)
        checks = frozenset((check.list, check.target) for check in planned.checks)
        ran = probe(replace(planned, settled=checks <= known), console)
        known = checks if ran.verdict is Verdict.PASS else known
        inconclusive = inconclusive + 1 if ran.exit_code == EXIT_CODES[Verdict.INCONCLUSIVE] else 0
        goes_on = ran.verdict is Verdict.PASS or 0 < inconclusive < options.inconclusive
        last = not (options.every and goes_on)
        try:
            code = _report(ran, options, console, last=last)
        except (Exception, KeyboardInterrupt) as error:
            if ran.verdict is not Verdict.VIOLATION:
                raise
            console.note("ERROR", f"the report was not written or sent everywhere: {type(error).__name__}")
            return ran.exit_code
        if last or code not in (ran.exit_code, UNDELIVERED):
            return code
        if options.alive:
            alive.write(options.alive, ran, 3 * options.every + (planned.deadline or _DEADLINE))
        gc.collect()
        time.sleep(max(0.0, began + options.every - time.monotonic()))


def _validate(options: Options) -> None:
    if options.every == 0:
        raise UsageError("--every: it must be longer than 0")
    for file in {options.report, options.termination_log, options.alive} - {None, TERMINATION_LOG}:
        place = file if os.access(file, os.F_OK) else file.parent
        if not os.access(place, os.W_OK) or file.is_dir():
            raise UsageError(f"{file} cannot be written: name a file in a folder that netproof may write to")


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


def _report(ran: Run, options: Options, console: Console, *, last: bool) -> int:
    """Print a run, publish its report, and return the exit code.

    With `--every`, only a pass and the last run are notified, and this one only if nobody interrupted it.
    """
    if last:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # sending takes less time than a pod has to end
    if options.output == "text":
        console.summary(ran)
        if not any((options.report, options.termination_log and last, options.channels, options.heartbeat)):
            return ran.exit_code
    from checker.report import dumps, of_run  # noqa: PLC0415 - slow to import
    from netproof.publish import publish  # noqa: PLC0415

    report = of_run(ran)
    ended = last and ran.exit_code not in INTERRUPTED.values()
    notify = not options.every or ended or ran.verdict is Verdict.PASS
    try:
        report = publish(report, options, console, last=last, notify=notify)
    finally:
        if options.output == "json":
            Console().print(dumps(report).rstrip())
    return report.exit_code
