"""A command of the user's own is the check: `- {name: db-port, command: [nc, -z, db, "27017"]}`.

It runs without a shell, in a session and process group of its own (setsid(2)), with an environment of only PATH and
LANG. The whole group is killed when the command has ended, or at the timeout. docs/commands.md shows how to use it.
"""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from checker.model import Check, Observation, Outcome, Probe
from checker.probes.base import duration
from checker.words import harmless

_LONGEST = 200  # bytes of output that are evidence
Codes = TypedDict("Codes", {"pass": list[int], "violation": list[int]}, total=False)  # no class: `pass` is a keyword
NAGIOS: Codes = {"pass": [0], "violation": [1, 2]}  # https://www.monitoring-plugins.org/doc/guidelines.html#AEN78
_BY_LIST: dict[str, Codes] = {"allow": {"pass": [0], "violation": [1]}, "deny": {"pass": [1], "violation": [0]}}


@dataclass(frozen=True, slots=True)
class Command(Probe):
    """What is run, and what its exit codes mean; every other code, a signal and the timeout are inconclusive.

    Without `exit`, 0 means that it is possible and 1 that it is not: the list then says which of them passes.
    """

    command: list[str] = field(default_factory=list)
    exit: Literal["nagios"] | Codes | None = None

    def mistake(self, _check: Check) -> tuple[str, str] | None:
        """Find what is invalid."""
        if not self.command or not self.command[0]:
            return "command", 'expected a list of words, as in `command: [nc, -z, db, "27017"]`'
        if not isinstance(self.exit, dict):
            return None
        codes = [*self.exit.get("pass", ()), *self.exit.get("violation", ())]
        if len(codes) != len(set(codes)) or not codes or not all(0 <= code <= 255 for code in codes):
            return "exit", "expected exit codes from 0 to 255, each of them once"
        return None

    def outcome(self, check: Check, code: int | None) -> Outcome:
        """Read what `_run` returned: as the verdict that the check gives it, or by the list."""
        codes = NAGIOS if self.exit == "nagios" else self.exit or _BY_LIST[check.list]
        passes = code in codes.get("pass", ())
        if not passes and code not in codes.get("violation", ()):
            return Outcome.UNTESTABLE
        return Outcome.POSSIBLE if passes is (check.list == "allow") else Outcome.IMPOSSIBLE

    async def attempt(self, check: Check, _address: str) -> Observation:
        """Run the command once, for at most the check's timeout. The first line of its output is evidence."""
        reading, writing = os.pipe2(os.O_CLOEXEC)  # 64 KiB (pipe(7)); a command that writes more blocks until killed
        os.set_blocking(reading, False)
        with open(reading, "rb", buffering=0) as output:  # noqa: ASYNC230, PTH123 - a pipe that does not block
            try:
                code = await _run(self.command, writing, check.timeout)
            except OSError as error:
                return Observation(Outcome.UNTESTABLE, f"could not be started: {error.strerror}")
            line = (output.read(_LONGEST) or b"").decode("utf-8", "replace").strip().partition("\n")[0]
        if code is None:
            ended = f"killed after {duration(check.timeout)}"
        else:
            ended = f"exit code {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
        return Observation(self.outcome(check, code), f"{ended}: {harmless(line)}" if line else ended)


async def _run(command: list[str], output: int, within: float) -> int | None:
    """Run a command to its end; return its exit code, minus the signal that ended it, or None at the timeout."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    files: Any = {"stdin": asyncio.subprocess.DEVNULL, "stdout": output, "stderr": output}
    try:
        process = await asyncio.create_subprocess_exec(*command, **files, env=environment, start_new_session=True)
    finally:
        os.close(output)
    try:
        return await asyncio.wait_for(process.wait(), within)
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        with suppress(ChildProcessError):  # process 1 of a container inherits what is left of the group
            while os.waitpid(-process.pid, 0):  # noqa: ASYNC222 - they were killed
                pass  # pragma: no cover - only process 1 of a container gets here
