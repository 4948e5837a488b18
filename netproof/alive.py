"""Check that `check --every` is still running: exits with 0 if it is, else with 3."""

import json
import time
from pathlib import Path

from checker.model import EXIT_CODES, Run, Verdict
from netproof.arguments import FILE, Add, Options, reading


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("file", **FILE, help="the file that `netproof check --alive` writes")
    add("--passed", action="store_true", help="also require that the last round passed")


def write(file: Path, last: Run, within: float) -> None:
    """Write when the last round ended, its verdict, and for how many seconds it is valid.

    The time is that of CLOCK_MONOTONIC (clock_gettime(2)): all processes have the same, and nobody can set it.
    """
    from checker import report  # noqa: PLC0415 - only rounds need it

    content = {"ended": round(time.monotonic(), 3), "verdict": last.verdict, "within": within}
    report.write(file, json.dumps(content) + "\n")


def run(options: Options) -> int:
    """Return 0 if a round ended not long ago, else 3."""
    if not options.file.exists():
        print("no round has ended yet")
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    with reading(options.file, "this is not a file that `netproof check --alive` wrote: {}") as content:
        last = json.loads(content)
        ago, verdict = time.monotonic() - last["ended"], Verdict(last["verdict"])
        passed = ago <= last["within"] and (verdict is Verdict.PASS or not options.passed)
    print(f"a round ended {ago:.0f} s ago: {verdict}")
    return EXIT_CODES[Verdict.PASS if passed else Verdict.INCONCLUSIVE]
