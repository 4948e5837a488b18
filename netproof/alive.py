"""`netproof alive`: check that `netproof check --every` is still running. For a pod's probes."""

import argparse
import time
from pathlib import Path

from netproof.arguments import UsageError

INCONCLUSIVE = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the file that `netproof check --alive` writes")
    parser.add_argument("--passed", action="store_true", help="also require that the last round passed")


def run(options: argparse.Namespace) -> int:
    """Return 0 where a round ended not long ago, else 3."""
    import json  # noqa: PLC0415

    try:
        last = json.loads(options.file.read_text(encoding="utf-8"))
        ended, within, verdict = float(last["ended"]), float(last["within"]), str(last["verdict"])
    except FileNotFoundError:
        print("no round has ended yet")
        return INCONCLUSIVE
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{options.file} is not a file that `netproof check --alive` wrote: {error}") from None
    ago = time.time() - ended
    print(f"a round ended {ago:.0f} s ago: {verdict}")
    return 0 if ago <= within and (verdict == "pass" or not options.passed) else INCONCLUSIVE
