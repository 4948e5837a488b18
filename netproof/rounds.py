"""`netproof check --every`: round after round in one process, each as independent of the last as a new process.

Every round reads the lists, CA files and channels again. Only what ends the process leaves a termination message: while
it runs, the file of `--alive` shows the last round, and `netproof alive` reads that for the pod's probes.
"""

import gc
import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from checker.model import EXIT_CODES, Plan, Run, Verdict

_UNDELIVERED = 4  # of a message about a pass: not worth a restart
_DEADLINE = 60.0  # seconds that a round may take where no deadline says so


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How rounds follow each other."""

    every: float  # seconds from the beginning of one to that of the next; one that takes longer delays the next
    inconclusive: int  # how many inconclusive rounds in a row end the process
    alive: Path | None = None  # a file to write after each round


def repeat(
    rhythm: Rhythm, load: Callable[[], Plan], one: Callable[[Plan, Callable[[Run], bool]], tuple[Run, int]]
) -> int:
    """Run rounds until one is the last; return the exit code of the process.

    `one` probes a plan and reports it; it asks whether a run is the last, and returns its exit code. A violation is the
    last, so is a failure, an interruption, and the last of several inconclusive runs in a row. The settle window counts
    for the first round, and for one whose lists have something new.
    """
    known: set[tuple[str, str]] = set()
    in_a_row = 0
    on_sigterm = signal.getsignal(signal.SIGTERM)
    if rhythm.alive:
        rhythm.alive.unlink(missing_ok=True)  # it may be of the container before this one

    def is_last(ran: Run) -> bool:
        patience = in_a_row + 1 < rhythm.inconclusive
        return ran.verdict is not Verdict.PASS and not (patience and ran.exit_code == EXIT_CODES[Verdict.INCONCLUSIVE])

    while True:
        began = time.monotonic()
        plan = load()
        checks: set[tuple[str, str]] = {(check.list, str(check.target)) for check in plan.checks}
        ran, code = one(replace(plan, settled=checks <= known), is_last)
        if is_last(ran) or code not in (ran.exit_code, _UNDELIVERED):
            return code
        known, in_a_row = checks, 0 if ran.verdict is Verdict.PASS else in_a_row + 1
        if rhythm.alive:
            _write(rhythm.alive, ran, 3 * rhythm.every + (plan.deadline or _DEADLINE))
        signal.signal(signal.SIGTERM, on_sigterm)  # a run has its own handler, and leaves none
        gc.collect()  # it is switched off while a round runs
        time.sleep(max(0.0, began + rhythm.every - time.monotonic()))


def _write(file: Path, ran: Run, within: float) -> None:
    """Write the last round: when it ended (seconds since the epoch), what it found, and how old that may become."""
    from checker.report import write  # noqa: PLC0415 - rounds alone need it

    last = {"ended": round(ran.started + ran.duration, 3), "verdict": ran.verdict, "within": within}
    write(file, json.dumps(last) + "\n")
