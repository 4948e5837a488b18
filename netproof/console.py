"""What a person sees: a line a check as it is decided, and a summary."""

import os
import sys
import time
from pathlib import Path
from typing import TextIO

from checker.model import Expect, Result, Run, Verdict
from checker.words import harmless

_LEVELS = {Verdict.PASS: "INFO ", Verdict.INCONCLUSIVE: "WARN ", Verdict.VIOLATION: "ERROR"}
_COLOURS = {Verdict.PASS: "32", Verdict.INCONCLUSIVE: "33", Verdict.VIOLATION: "1;31"}


def noun(result: Result) -> str:
    """Name a verdict as people do: a violation is a leak or an unreachable target."""
    if result.verdict is not Verdict.VIOLATION:
        return result.verdict
    return "LEAK" if result.check.expect is Expect.BLOCKED else "UNREACHABLE"


class Console:
    """Prints to standard output; colour only on a terminal (https://no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = terminal and not os.environ.get("NO_COLOR")

    def result(self, result: Result) -> None:
        """Print the line of one check."""
        check = result.check
        words = [
            f"{check.list:5}  {check.target!s:30}  {result.outcome or '-':10}",
            self._painted(f"{noun(result):12}", result.verdict),
            harmless(": ".join(filter(None, (check.name, result.seen)))) + ".",
            harmless(result.judgement.meaning),
        ]
        if check.because and result.verdict is not Verdict.PASS:
            words.append(f"Because: {harmless(check.because)}")
        self.print(f"{time.strftime('%H:%M:%S')} {_LEVELS[result.verdict]} " + " ".join(words))

    def note(self, level: str, text: str) -> None:
        """Print what is worth knowing before or after a run."""
        self.print(f"{time.strftime('%H:%M:%S')} {level:5} {harmless(text)}")

    def summary(self, run: Run) -> None:
        """Print what came of it all."""
        counts = run.summary
        found = [
            f"{counts[key]} {word}{'s' if key == 'leaks' and counts[key] > 1 else ''}"
            for key, word in (("leaks", "leak"), ("unreachable", "unreachable"), ("inconclusive", "inconclusive"))
            if counts[key]
        ]
        text = f"{counts['pass']} of {counts['checks']} checks pass in {run.duration:.1f} s"
        self.print(f"{self._painted(run.verdict.upper(), run.verdict)}  {', '.join([*found, text])}")

    def print(self, text: str) -> None:
        """Print text as it is. Go on without a reader that has gone (`| head`): the verdict does not depend on it."""
        try:
            print(text, file=self._stream, flush=True)
        except OSError:
            self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process

    def _painted(self, text: str, verdict: Verdict) -> str:
        return f"\x1b[{_COLOURS[verdict]}m{text}\x1b[0m" if self._colour else text
