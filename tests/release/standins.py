"""Stand-ins on PATH for tools that use the network: each logs its command line, and prints what a test gives it."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """#!/bin/sh
printf '%s\\n' "{name} $*" >> {log}
{does}
"""


@dataclass(frozen=True)
class Standins:
    """A folder of stand-ins."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, does: str = "") -> None:
        """`does` is shell; $* are the arguments."""
        file = self.folder / name
        file.write_text(SCRIPT.format(name=name, log=shlex.quote(str(self.log)), does=does))
        file.chmod(0o755)

    @property
    def log(self) -> Path:
        return self.folder / "calls"

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def run(self, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a command that finds the stand-ins first. `environment` is added to its environment."""
        path = os.pathsep.join((str(self.folder), os.environ["PATH"]))
        environment = {**os.environ, "PATH": path, **self.environment}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
