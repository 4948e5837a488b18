"""`netproof check --every` as a process. Its checks are commands, and the test decides their results with files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checker.model import Plan, Run
from netproof import alive
from netproof.arguments import Options
from tests.checker.command import netproof
from tests.netns import NETPROOF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0


def until(what: str, condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


class Rounds:
    """A process that repeats its checks, and the files that it reads and writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alive, self.report, self.log = folder / "alive", folder / "report.json", folder / "termination-log"
        self.leak, self.odd, self.ran = folder / "leak", folder / "odd", folder / "ran"
        self.deny = [
            {"name": "leak", "command": ["test", "-e", str(self.leak)]},
            {"name": "odd", "command": ["sh", "-c", f"echo >> {self.ran}; [ ! -e {self.odd} ] && exit 1; exit 9"]},
        ]
        self.config = folder / "netproof.yaml"
        self.write()

    def write(self, **settings: Any) -> None:
        new = self.folder / "new"
        allow = [{"name": "always", "command": ["true"]}]
        new.write_text(json.dumps({"allow": allow, "deny": self.deny, "settle": 0, **settings}))
        new.replace(self.config)

    @contextmanager
    def running(self, *arguments: object, every: str = "100ms") -> Iterator[subprocess.Popen[str]]:
        files = ("--alive", self.alive, "--report", self.report, "--termination-log", self.log)
        quiet = () if "--channels" in arguments else ("--no-notify",)
        command = list(map(str, (NETPROOF, "check", self.config, "--every", every, *quiet, *files, *arguments)))
        output = (self.folder / "output").open("w")
        with output, subprocess.Popen(command, stdout=output, stderr=output, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def rounds(self) -> int:
        return self.text().count(" checks pass in ")

    def text(self) -> str:
        return (self.folder / "output").read_text()

    def more(self, count: int) -> None:
        target = self.rounds() + count
        until(f"{count} more rounds", lambda: self.rounds() >= target)

    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report.read_text())
        return found


@pytest.fixture
def rounds(tmp_path: Path) -> Rounds:
    return Rounds(tmp_path)


def test_a_violation_is_reported_and_ends_the_process(rounds: Rounds) -> None:
    rounds.alive.write_text("of the container before")
    with rounds.running() as process:
        rounds.more(3)
        assert json.loads(rounds.alive.read_text()).items() >= {"verdict": "pass", "within": 60.3}.items()
        assert not rounds.log.exists()  # it is of the round that ends the process
        assert netproof("alive", rounds.alive, "--passed").returncode == 0
        rounds.leak.touch()
        assert process.wait(PATIENCE) == 1
    assert json.loads(rounds.log.read_text())["exitCode"] == rounds.last()["exitCode"] == 1
    assert "LEAK" in rounds.text()


def test_lists_are_read_again_each_round(rounds: Rounds) -> None:
    with rounds.running() as process:
        rounds.more(2)
        rounds.deny.append({"name": "new", "command": ["sh", "-c", "echo new; exit 1"]})
        rounds.write()
        until("the new check", lambda: [each for each in rounds.last()["checks"] if each["name"] == "new"])
        rounds.config.write_text("deny: [")
        assert process.wait(PATIENCE) == 2
    assert "cannot be read as YAML" in rounds.text()
    assert json.loads(rounds.log.read_text())["exitCode"] == 2


@pytest.fixture
def channels(rounds: Rounds) -> Path:
    """One channel, which cannot be used: each message to it leaves a line that names it."""
    folder = rounds.folder / "channels"
    folder.mkdir()
    (folder / "ops").write_text("slak://no-such-service")
    rounds.write(notify={"notifyOn": "always"})
    return folder


def test_the_last_of_three_inconclusive_rounds_ends_the_process_and_is_notified(rounds: Rounds, channels: Path) -> None:
    rounds.odd.touch()
    with rounds.running("--channels", channels) as process:
        assert process.wait(PATIENCE) == 3
    assert rounds.rounds() == 3
    assert rounds.text().count("ops") == 1


def test_a_round_that_is_interrupted_is_not_notified(rounds: Rounds, channels: Path) -> None:
    started = rounds.folder / "started"
    rounds.deny.append({"name": "slow", "command": ["sh", "-c", f"touch {started}; sleep 60"], "timeout": "1m"})
    rounds.write(notify={"notifyOn": "always"})
    rounds.alive.write_text("of the container before")
    with rounds.running("--channels", channels) as process:
        until("a round", started.exists)
        assert not rounds.alive.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143
    assert "ops" not in rounds.text()


def test_a_message_that_cannot_be_delivered_does_not_end_the_process(rounds: Rounds, channels: Path) -> None:
    with rounds.running("--channels", channels) as process:
        rounds.more(3)
        rounds.leak.touch()
        assert process.wait(PATIENCE) == 1
    assert rounds.text().count("ops") >= 3


def test_a_report_that_cannot_be_written_ends_the_process(rounds: Rounds, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    with rounds.running("--report", folder / "report.json") as process:
        rounds.more(1)
        folder.rename(tmp_path / "gone")
        assert process.wait(PATIENCE) == 70


def test_several_inconclusive_rounds_in_a_row_end_the_process(rounds: Rounds) -> None:
    with rounds.running("--inconclusive", "8", every="200ms") as process:
        until("a round", rounds.alive.exists)
        for _ in range(2):  # two in a row, a pass between
            rounds.odd.touch()
            until("an inconclusive round", lambda: json.loads(rounds.alive.read_text())["verdict"] == "inconclusive")
            rounds.odd.unlink()
            until("a round that passes", lambda: json.loads(rounds.alive.read_text())["verdict"] == "pass")
        before = rounds.rounds()
        rounds.odd.touch()
        assert process.wait(PATIENCE) == 3
    assert 8 <= rounds.rounds() - before <= 9  # one may have been under way
    assert json.loads(rounds.log.read_text())["exitCode"] == 3


@pytest.mark.parametrize("busy", [False, True], ids=["between", "within"])
def test_sigterm_ends_the_process_at_once(rounds: Rounds, *, busy: bool) -> None:
    started = rounds.folder / "started"
    if busy:
        rounds.deny.append({"name": "slow", "command": ["sh", "-c", f"touch {started}; sleep 60"], "timeout": "1m"})
        rounds.write()
    with rounds.running(every="1h") as process:
        until("a round", started.exists if busy else rounds.alive.exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143  # long before the pause or the command is over


def test_rounds_never_overlap(rounds: Rounds) -> None:
    trace = rounds.folder / "trace"
    rounds.deny = [
        {"name": "slow", "command": ["sh", "-c", f"echo b >> {trace}; sleep 0.3; echo e >> {trace}; exit 1"]}
    ]
    rounds.write()
    with rounds.running(every="10ms"):
        rounds.more(4)
    assert set(trace.read_text().split()[::2]) == {"b"}
    assert set(trace.read_text().split()[1::2]) <= {"e"}


def test_the_first_round_and_new_checks_wait_for_policies_to_settle(rounds: Rounds) -> None:
    def durations(checks: int) -> list[float]:
        return [float(each) for each in re.findall(rf"{checks} checks pass in ([\d.]+) s", rounds.text())]

    rounds.write(settle="2s")
    with rounds.running():
        first, second, *_ = until("two rounds", lambda: durations(3)[1:] and durations(3))
        assert first >= 2 > second
        rounds.deny.append({"name": "new", "command": ["sh", "-c", "exit 1"]})
        rounds.write(settle="2s")
        assert until("the new check", lambda: durations(4))[0] >= 2


def test_each_round_waits_for_policies_to_settle_until_one_has_passed(rounds: Rounds) -> None:
    rounds.odd.touch()
    rounds.write(settle="2s")
    with rounds.running():
        until("an inconclusive round", lambda: "1 inconclusive, 2 of 3 checks pass" in rounds.text())
        rounds.odd.unlink()
        until("three rounds", lambda: rounds.text().count("of 3 checks pass in") >= 3)
        found = re.findall(r"of 3 checks pass in ([\d.]+) s", rounds.text())
        inconclusive, passed, later = map(float, found[:3])
        assert min(inconclusive, passed) >= 2 > later


def test_memory_does_not_grow(rounds: Rounds) -> None:
    """benchmarks/rounds.py measures ten thousand."""
    rounds.deny = [{"target": "sandbox://seccomp"}, {"target": "sandbox://host-network"}]
    seccomp = netproof("check", "--settle", "0", "--deny", "sandbox://seccomp", "--no-notify")
    if seccomp.returncode:
        del rounds.deny[0]
    rounds.write()

    def resident(process: subprocess.Popen[str]) -> int:
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    with rounds.running(every="1ms") as process:
        rounds.more(100)
        before = resident(process)
        rounds.more(200)
        assert resident(process) - before < 2**20


def test_a_process_without_recent_rounds_is_not_alive(rounds: Rounds) -> None:
    assert netproof("alive", rounds.alive).returncode == 3
    rounds.alive.write_text(json.dumps({"ended": time.monotonic() - 100, "within": 90, "verdict": "pass"}))
    assert netproof("alive", rounds.alive).returncode == 3
    rounds.alive.write_text(json.dumps({"ended": time.monotonic(), "within": 90, "verdict": "inconclusive"}))
    assert netproof("alive", rounds.alive).returncode == 0
    assert netproof("alive", rounds.alive, "--passed").returncode == 3
    rounds.alive.write_text("half")
    assert netproof("alive", rounds.alive).returncode == 2


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_process_is_alive_whatever_the_clock_is_set_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    options = Options(file=tmp_path / "alive", passed=False)
    now, later = time.time(), time.monotonic() + 100
    alive.write(options.file, Run(Plan(()), now, 0.0, ()), 90)
    monkeypatch.setattr(time, "time", lambda: now + jump)
    assert alive.run(options) == 0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert alive.run(options) == 3
