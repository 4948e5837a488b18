"""What is printed: a line for each check as soon as it is decided, and a summary."""

import os
import sys
import time
from contextlib import suppress
from typing import TextIO

from checker.model import Result, Run, Verdict
from checker.words import harmless

# By verdict: the level of its line, and the colour of a terminal (ECMA-48, SGR).
_STYLES = {Verdict.PASS: ("INFO", "32"), Verdict.INCONCLUSIVE: ("WARN", "33"), Verdict.VIOLATION: ("ERROR", "1;31")}


class Console:
    """Prints to standard output, in colour only on a terminal (https://no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = terminal and not os.environ.get("NO_COLOR")

    def result(self, result: Result) -> None:
        """Print the line of one check."""
        check, verdict = result.check, result.verdict
        word = str(result.finding or verdict)
        noun = self._painted(f"{word.upper() if verdict is Verdict.VIOLATION else word:12}", verdict)
        seen = harmless(": ".join(filter(None, (check.name, result.seen))))
        because = f" Because: {harmless(check.because)}" if check.because and verdict is not Verdict.PASS else ""
        text = f"{check.list:5}  {check.target!s:30}  {result.outcome or '-':10} {noun} {seen}."
        self._line(_STYLES[verdict][0], f"{text} {harmless(result.meaning)}{because}")

    def note(self, level: str, text: str) -> None:
        """Print a line of its own, at the level INFO, WARN or ERROR."""
        self._line(level, harmless(text))

    def summary(self, run: Run) -> None:
        """Print how many checks passed and what was found."""
        counts = run.summary
        leaks = "leaks" if counts["leaks"] > 1 else "leak"
        found = {leaks: counts["leaks"], "unreachable": counts["unreachable"], "inconclusive": counts["inconclusive"]}
        words = [f"{number} {what}" for what, number in found.items() if number]
        words.append(f"{counts['pass']} of {counts['checks']} checks pass in {run.duration:.1f} s")
        self.print(f"{self._painted(run.verdict.upper(), run.verdict)}  {', '.join(words)}")

    def print(self, text: str) -> None:
        """Print text unchanged. If it cannot be written, go on: the verdict does not depend on output."""
        with suppress(OSError):
            print(text, file=self._stream, flush=True)

    def _line(self, level: str, text: str) -> None:
        self.print(f"{time.strftime('%H:%M:%S')} {level:5} {text}")

    def _painted(self, text: str, verdict: Verdict) -> str:
        return f"\x1b[{_STYLES[verdict][1]}m{text}\x1b[0m" if self._colour else text
