"""Commands as checks: real processes, their exit codes, what they leave and what they see."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any

import pytest

from checker.config import ConfigError, load
from notifications.settings import Notify
from tests.checker.command import netproof, write

NOTHING: dict[str, Any] = {"allow": [{"name": "always", "command": ["true"]}]}


def check(tmp_path: Path, entry: dict[str, Any], on: str = "deny", **env: str) -> dict[str, Any]:
    """Run one command as a check, and return what the report says about it."""
    entries = {**NOTHING, "settle": 0}
    entries[on] = [*entries.get(on, []), {"name": "it", **entry}]
    config = write(tmp_path / "netproof.yaml", entries)
    done = netproof("check", config, "--output", "json", env={**os.environ, **env})
    found: dict[str, Any] = json.loads(done.stdout)["checks"][-1]
    assert found["target"] == "command://it"
    return found


def script(text: str) -> list[str]:
    return ["sh", "-c", text]


@pytest.mark.parametrize(
    ("on", "code", "exits", "verdict"),
    [
        ("allow", 0, None, "pass"),
        ("allow", 1, None, "violation"),
        ("allow", 2, None, "inconclusive"),
        ("deny", 0, None, "violation"),
        ("deny", 1, None, "pass"),
        ("deny", 28, None, "inconclusive"),
        ("deny", 28, {"pass": [28, 7], "violation": [0]}, "pass"),
        ("deny", 0, {"pass": [28, 7], "violation": [0]}, "violation"),
        ("deny", 1, {"pass": [28, 7], "violation": [0]}, "inconclusive"),
        ("deny", 0, {"pass": [0]}, "pass"),
        ("allow", 0, "nagios", "pass"),
        ("allow", 1, "nagios", "violation"),
        ("allow", 2, "nagios", "violation"),
        ("allow", 3, "nagios", "inconclusive"),
        ("deny", 0, "nagios", "pass"),
        ("deny", 2, "nagios", "violation"),
        ("deny", 126, "nagios", "inconclusive"),
        ("deny", 127, None, "inconclusive"),
    ],
)
def test_the_verdict_of_an_exit_code(tmp_path: Path, on: str, code: int, exits: Any, verdict: str) -> None:
    entry = {"command": script(f"exit {code}"), **({"exit": exits} if exits else {})}
    assert check(tmp_path, entry, on)["verdict"] == verdict


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        (["no-such-command-anywhere"], "could not be started: No such file or directory"),
        (["/etc/passwd"], "could not be started: Permission denied"),
        (script("kill -SEGV $$"), "ended by SIGSEGV"),
        (script("echo begun; sleep 60"), "killed after 300 ms: begun"),
        (["yes"], "killed after 300 ms: y"),
    ],
)
def test_a_command_that_does_not_exit_by_itself_is_inconclusive(tmp_path: Path, command: list[str], seen: str) -> None:
    found = check(tmp_path, {"command": command, "timeout": "300ms"})
    assert (found["outcome"], found["verdict"], found["seen"]) == ("untestable", "inconclusive", seen)


@pytest.mark.parametrize("text", ["sleep 600 & echo $!; exit 1", "sleep 600 & echo $!; sleep 600"])
def test_its_process_group_is_gone_when_it_ends_and_at_the_timeout(tmp_path: Path, text: str) -> None:
    found = check(tmp_path, {"command": script(text), "timeout": "300ms"})
    process = int(found["seen"].rpartition(": ")[2])
    with suppress(ProcessLookupError), os.fdopen(os.pidfd_open(process)) as ending:
        assert select([ending], [], [], 10)[0]  # it can be read when the process has ended (pidfd_open(2))


def test_it_gets_a_clean_environment_and_no_input(tmp_path: Path) -> None:
    command = script('env | sort | cut -d= -f1 | tr "\\n" " "; cat; exit 0')
    found = check(tmp_path, {"command": command}, "allow", NETPROOF_CHANNEL="slack://s3cret", HTTPS_PROXY="http://x")
    assert set(found["seen"].removeprefix("exit code 0: ").split()) <= {"LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}


def test_its_output_is_one_harmless_line(tmp_path: Path) -> None:
    found = check(tmp_path, {"command": script(r"printf '\n\033[31mred\033[0m\nmore'; exit 1")})
    assert found["seen"] == r"exit code 1: \x1b[31mred\x1b[0m"
    found = check(tmp_path, {"command": script("printf %1000s x | tr ' ' x; exit 1")})
    assert len(found["seen"]) < 250


def test_a_command_runs_without_a_shell(tmp_path: Path) -> None:
    assert check(tmp_path, {"command": ["echo", "$HOME;", "exit 1"]}, "allow")["seen"] == "exit code 0: $HOME; exit 1"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"command": ["true"]}, "allow[0]: `name` is missing"),
        ({"name": "two words", "command": ["true"]}, "'two words' is not a name such as db-port"),
        ({"name": "it", "command": "true"}, "found 'true'; expected a list"),
        ({"name": "it", "command": []}, "allow[0].command: expected a list of words"),
        ({"name": "it", "command": ["true"], "exit": {"passes": [0]}}, "exit.passes: unknown key; did you mean pass?"),
        ({"name": "it", "command": ["true"], "exit": {"pass": [0], "violation": [0]}}, "each of them once"),
        ({"name": "it", "command": ["true"], "exit": {"pass": [256]}}, "exit codes from 0 to 255"),
        ({"name": "it", "command": ["true"], "exit": "icinga"}, "allow[0].exit: found 'icinga'; expected nagios"),
        ({"target": "command://it"}, "allow[0]: expected a list of words"),
        ({"target": "tcp://db:1", "command": ["true"]}, "is a setting of command targets, and this one is tcp"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_key(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=r"netproof\.yaml:1: ") as caught:
        load([write(tmp_path / "netproof.yaml", {"allow": [entry]})], lambda: Notify)
    assert message in str(caught.value)
