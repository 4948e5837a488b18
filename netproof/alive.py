"""`netproof alive`: check that `netproof check --every` is still running. The probes of a pod call it."""

import json
import time
from pathlib import Path

from checker.model import EXIT_CODES, Run, Verdict
from netproof.arguments import FILE, Add, Options, UsageError


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
    try:
        last = json.loads(options.file.read_text(encoding="utf-8"))
        ended, within, verdict = float(last["ended"]), float(last["within"]), str(last["verdict"])
    except FileNotFoundError:
        print("no round has ended yet")
        return EXIT_CODES[Verdict.INCONCLUSIVE]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{options.file} is not a file that `netproof check --alive` wrote: {error}") from None
    ago = time.monotonic() - ended
    print(f"a round ended {ago:.0f} s ago: {verdict}")
    passed = ago <= within and (verdict == Verdict.PASS or not options.passed)
    return EXIT_CODES[Verdict.PASS if passed else Verdict.INCONCLUSIVE]
