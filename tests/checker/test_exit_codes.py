"""Each exit code of the installed command: Jobs, and alerts on Jobs, depend on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checker.command import netproof, write
from tests.netns import NETPROOF


def test_0_every_check_passed(server: str) -> None:
    assert netproof("check", "--settle", "0", "--allow", server).returncode == 0


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["check", "--help"], ["schema"]])
def test_0_help_version_and_schema(arguments: list[str]) -> None:
    ran = netproof(*arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


def test_1_unreachable(nobody: str) -> None:
    assert netproof("check", "--settle", "0", "--allow", nobody).returncode == 1


def test_1_a_leak_besides_inconclusive_checks(server: str, mute: str, tmp_path: Path) -> None:
    denied = [server, {"target": mute, "timeout": "200ms"}, "tcp://none.invalid:80"]
    ran = netproof("check", write(tmp_path / "c.yaml", {"allow": [server], "deny": denied, "settle": 0}))
    assert ran.returncode == 1
    assert ran.stdout.count("LEAK") == 1
    assert ran.stdout.count("inconclusive ") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["chek"], "invalid choice: 'chek'"),
        (["check", "--setle", "0"], "unrecognized arguments: --setle"),
        (["check", "--settle", "3 s"], "'3 s' is not a duration such as 500ms, 3s, 2m or 1h30m"),
        (["check", "--concurrency", "0"], "'0' is not a number from 1 to 100000"),
        (["check", "--output", "xml"], "invalid choice: 'xml'"),
        (["check", "--allow", "a:1", "--report", "nowhere/report.json"], "nowhere/report.json cannot be written"),
        (["check", "--allow", "a:70000"], "--allow a:70000: port '70000' is not a number from 1 to 65535"),
        (["check", "--deny", "a:1"], "a deny list without an allow list proves nothing"),
        (["check", "gone.yaml"], "gone.yaml: there is no such file"),
        (["lint", "gone.yaml"], "gone.yaml: there is no such file"),
        (
            ["notify", "--report", "gone.json", "--channels", "."],
            ". contains no channel; put an apprise URL into a file",
        ),
        (["render", "--report", "gone.json", "--form", "text"], "gone.json: cannot be read: No such file"),
        (["notify", "--channels", "."], "give either --report FILE or --test"),
        (["notify", "--test"], "there are no channels: /etc/netproof-channels does not exist"),
        (["check", "--every", "0s"], "it must be longer than 0"),
    ],
)
def test_2_usage_and_configuration(arguments: list[str], message: str, tmp_path: Path) -> None:
    ran = netproof(*arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert message in ran.stderr


def test_2_nothing_to_check_anywhere(tmp_path: Path) -> None:
    ran = netproof("check", cwd=tmp_path)
    assert ran.returncode == 2
    assert "there is nothing to check" in ran.stderr


def test_2_is_in_the_report_and_the_termination_message(tmp_path: Path) -> None:
    report, log = tmp_path / "report.json", tmp_path / "log"
    arguments = ["check", "--allow", "a:0", "--allow", "b", "--report", report, "--termination-log", log]
    assert netproof(*arguments).returncode == 2
    for file in (report, log):
        found = json.loads(file.read_text())
        assert (found["verdict"], found["exitCode"]) == (None, 2)
        assert found["error"]["title"] == "The configuration has 2 mistakes: nothing was probed."
        assert len(found["error"]["problems"]) == 2


def test_2_invalid_arguments_are_reported_to_the_readers_that_are_named_before_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert netproof("check", "--allow", "a:1", "--termination-log", log, "--setle=0").returncode == 2
    found = json.loads(log.read_text())
    assert found["error"]["title"] == "Invalid arguments: nothing was done."
    assert found["error"]["problems"] == ["unrecognized arguments: --setle=0 (see `netproof check --help`)"]


def test_3_inconclusive(server: str, mute: str, tmp_path: Path) -> None:
    denied = [{"target": mute, "timeout": "200ms"}]  # loopback proves no network
    ran = netproof("check", write(tmp_path / "c.yaml", {"allow": [server], "deny": denied}), "--settle", "0")
    assert ran.returncode == 3
    assert "A pod with no network would look the same" in ran.stdout


def test_attempts_that_wait_too_long_for_a_slot_are_not_made(mute: str, tmp_path: Path) -> None:
    arguments = ["--concurrency", "1", "--settle", "1s", "--allow", mute, "--report", tmp_path / "r"]
    assert netproof("check", *arguments).returncode == 1
    (check,) = json.loads((tmp_path / "r").read_text())["checks"]
    assert len(check["attempts"]) == 1


def test_3_the_deadline(server: str, mute: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--settle", "1h", "--deadline", "300ms", "--report", report]
    ran = netproof("check", "--allow", server, "--deny", mute, *arguments)
    assert ran.returncode == 3
    found = json.loads(report.read_text())
    assert found["stopped"] == "deadline"
    assert [check["verdict"] for check in found["checks"]] == ["pass", "inconclusive"]
    assert found["checks"][1]["meaning"] == "The deadline was reached before this was decided."


def test_1_the_deadline_after_an_attempt_that_got_through(server: str, tmp_path: Path) -> None:
    config = {"allow": [server], "deny": [{"target": f"http://{server}", "attempts": 100}], "settle": 0}
    file, report = write(tmp_path / "c.yaml", config), tmp_path / "report.json"
    ran = netproof("check", file, "--deadline", "3s", "--report", report)
    assert ran.returncode == 1
    assert " LEAK " in ran.stdout
    found = json.loads(report.read_text())
    assert (found["stopped"], found["checks"][1]["finding"]) == ("deadline", "leak")


def test_4_passed_but_a_message_was_not_delivered(server: str, nobody: str, tmp_path: Path) -> None:
    channels, report = tmp_path / "channels", tmp_path / "report.json"
    channels.mkdir()
    (channels / "hook").write_text(f"json://user:secret-token@{nobody}/")
    with (channels / "large").open("wb") as stream:  # exceeds the memory of a channel: its process is stopped
        stream.truncate(2**28)
    file = write(tmp_path / "c.yaml", {"allow": [server], "settle": 0, "notify": {"notifyOn": "always"}})
    ran = netproof("check", file, "--channels", channels, "--report", report, "--termination-log", tmp_path / "log")
    assert ran.returncode == 4
    for written in (report, tmp_path / "log"):
        found = json.loads(written.read_text())
        assert (found["exitCode"], found["verdict"]) == (4, "pass")
        assert [(each["channel"], each["delivered"]) for each in found["channels"]] == [
            ("hook", False),
            ("large", False),
        ]
    assert "secret-token" not in ran.stdout + ran.stderr + report.read_text() + (tmp_path / "log").read_text()
    assert netproof("check", file, "--channels", channels, "--no-notify").returncode == 0


def test_1_even_if_the_message_did_not_arrive(nobody: str, tmp_path: Path) -> None:
    (tmp_path / "hook").write_text(f"json://{nobody}/")
    ran = netproof("check", "--settle", "0", "--allow", nobody, "--channels", tmp_path)
    assert ran.returncode == 1
    assert "channel hook: not delivered" in ran.stdout


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        ("argparse", "raise RuntimeError('broken')"),  # before the command line is read
        ("asyncio", "this is no Python"),
        ("yaml", "raise RuntimeError('broken')"),  # while the configuration is read
        ("msgspec", ""),
        ("sitecustomize", "from checker import verdict\nverdict.judge = 'broken'"),  # while it judges
        ("pycares", "raise SystemExit(1)"),
        ("argparse", "raise SystemExit(1)"),
        ("argparse", "raise KeyboardInterrupt"),
    ],
)
def test_70_a_failure_of_netproof_itself_is_no_violation(server: str, tmp_path: Path, module: str, wrong: str) -> None:
    (tmp_path / f"{module}.py").write_text(wrong)
    file = write(tmp_path / "c.yaml", {"allow": [server, "localhost:1"], "settle": 0})
    ran = netproof("check", file, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert ran.returncode == (130 if "Keyboard" in wrong else 70)
    if "raise RuntimeError" in wrong:
        assert "broken" in ran.stderr


def test_70_reports_what_was_decided_before(server: str, mute: str, nobody: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("from checker import verdict\nverdict.judge_denial = 'broken'")
    log, report = tmp_path / "log", tmp_path / "report.json"
    for allowed, code in ((server, 70), (nobody, 1)):  # a violation beats all
        arguments = ["--settle", "0", "--allow", allowed, "--deny", mute, "--termination-log", log, "--report", report]
        ran = netproof("check", *arguments, env={**os.environ, "PYTHONPATH": str(tmp_path)})
        assert ran.returncode == code
        for file in (log, report):
            found = json.loads(file.read_text())
            assert found["exitCode"] == code
            assert "TypeError: 'str' object is not callable" in found["error"]["problems"][0]
        assert [check["verdict"] for check in found["checks"]] == [
            "pass" if code == 70 else "violation",
            "inconclusive",
        ]
        assert "netproof itself failed: TypeError" in ran.stdout


def test_an_exception_in_an_attempt_is_untestable(server: str, nobody: str, tmp_path: Path) -> None:
    (tmp_path / "pycares.py").write_text("raise RuntimeError('broken')")
    arguments = ["--settle", "0", "--allow", server, "--allow", nobody, "--allow", "localhost:1", "--output", "json"]
    ran = netproof("check", *arguments, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    found = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert [check["outcome"] for check in found["checks"]] == ["open", "closed", "untestable"]
    assert found["checks"][2]["seen"] == "could not try: RuntimeError: broken"


def interrupted(number: signal.Signals, line: str, file: Path, report: Path) -> tuple[int, dict[str, Any]]:
    """Start a run, send a signal when this line was printed, and give the exit code and report."""
    command = [str(NETPROOF), "check", str(file), "--report", str(report)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(line in printed for printed in process.stdout)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert err == ""
    return process.returncode, json.loads(report.read_text())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_130_143_interrupted(server: str, mute: str, tmp_path: Path, number: signal.Signals, code: int) -> None:
    file = write(tmp_path / "c.yaml", {"allow": [server], "deny": [mute], "settle": "1h"})
    ended, found = interrupted(number, "allow", file, tmp_path / "report.json")
    assert ended == found["exitCode"] == code
    assert (found["verdict"], found["stopped"]) == ("inconclusive", number.name)
    assert [check["verdict"] for check in found["checks"]] == ["pass", "inconclusive"]
    assert found["checks"][1]["meaning"].startswith("Interrupted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_1_interrupted_with_a_violation_known(nobody: str, mute: str, tmp_path: Path, number: signal.Signals) -> None:
    slow = {"target": mute, "timeout": "1h"}
    file = write(tmp_path / "c.yaml", {"allow": [nobody], "deny": [slow], "settle": 0})
    ended, found = interrupted(number, "UNREACHABLE", file, tmp_path / "report.json")
    assert ended == found["exitCode"] == 1
    assert (found["verdict"], found["stopped"]) == ("violation", number.name)


def test_1_interrupted_while_a_violation_is_summarised(nobody: str, tmp_path: Path) -> None:
    program = """
import os, signal
from netproof.__main__ import main
from netproof.console import Console
Console.summary = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
main()
"""
    report = tmp_path / "report.json"
    arguments = ["check", "--settle", "0", "--allow", nobody, "--report", str(report)]
    ran = subprocess.run([NETPROOF.with_name("python"), "-c", program, *arguments], check=False, timeout=30)
    assert ran.returncode == json.loads(report.read_text())["exitCode"] == 1


@pytest.mark.root
def test_143_as_process_1_too(server: str, mute: str, tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", {"allow": [server], "deny": [mute], "settle": "1h"})
    command = ["unshare", "--pid", "--fork", "--kill-child", str(NETPROOF), "check", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "allow" in process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()  # proc_pid_task(5)
        os.kill(int(children[0]), signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143


@pytest.mark.parametrize("reader", ["| head -1", "| true", ">&-", "> /dev/full"])
@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_closed_pipe_does_not_change_the_exit_code(
    server: str, nobody: str, tmp_path: Path, reader: str, output: str, code: int
) -> None:
    port = nobody.rpartition(":")[2]
    targets = [f"127.0.{n // 250}.{n % 250 + 1}:{port}" for n in range(1000)]
    file = write(tmp_path / "c.yaml", {"allow": targets if code else [server], "settle": 0})
    script = f"'{NETPROOF}' check '{file}' --output {output} --report '{tmp_path}/r' {reader}; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    assert json.loads((tmp_path / "r").read_text())["summary"]["unreachable"] == 1000 * code


def test_a_low_limit_of_files_causes_a_warning_but_changes_no_verdict(server: str, tmp_path: Path) -> None:
    port = server.rpartition(":")[2]
    denied = [f"127.0.0.{n + 1}:1" for n in range(200)]
    file = write(tmp_path / "c.yaml", {"allow": [f"127.0.0.1:{port}"], "deny": denied, "settle": 0})
    ran = netproof("check", file, "--output", "json", wrap=["prlimit", "--nofile=100:100"])
    found = json.loads(ran.stdout)
    assert {check["outcome"] for check in found["checks"]} == {"open", "closed"}
    assert found["warnings"] == ["only 36 connections can be open at once (ulimit -Hn), 2500 are needed"]
    assert "WARN  only 36 connections" in ran.stderr


def test_the_soft_limit_of_files_is_raised(server: str) -> None:
    ran = netproof("check", "--settle", "0", "--allow", server, wrap=["prlimit", "--nofile=100:4096"])
    assert (ran.returncode, "ulimit" in ran.stdout) == (0, False)


def test_1_even_if_sending_fails(nobody: str, tmp_path: Path) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "hook").write_text(f"json://user:secret-token@{nobody}/")
    (tmp_path / "apprise.py").write_text("raise RuntimeError('secret-token')")
    arguments = ["--settle", "0", "--allow", nobody, "--channels", tmp_path / "channels", "--report", tmp_path / "r"]
    ran = netproof("check", *arguments, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert ran.returncode == 1
    assert "secret-token" not in ran.stdout + ran.stderr
    assert json.loads((tmp_path / "r").read_text())["exitCode"] == 1


def test_70_if_sending_a_pass_fails(server: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("from checker import report\nreport.of_run = None")
    arguments = ["--settle", "0", "--allow", server, "--report", tmp_path / "r"]
    ran = netproof("check", *arguments, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert ran.returncode == 70
    assert "netproof itself failed: this run proves nothing" in ran.stderr


def test_the_report_can_be_written_to_a_pipe(server: str) -> None:
    command = [str(NETPROOF), "check", "--settle", "0", "--allow", server, "--report", "/dev/stderr"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(ran.stderr)["verdict"] == "pass"


def test_1_even_if_there_are_no_channels_and_the_heartbeat_fails(nobody: str, tmp_path: Path) -> None:
    (tmp_path / "heartbeat").write_text(f"http://{nobody}/secret-token")
    readers = ["--channels", tmp_path / "nowhere", "--heartbeat", tmp_path / "heartbeat", "--output", "json"]
    ran = netproof("check", "--settle", "0", "--allow", nobody, *readers)
    assert ran.returncode == 1
    found = json.loads(ran.stdout)
    reason = f"{tmp_path}/nowhere: cannot be read (No such file or directory); name a folder with one URL per file"
    assert found["channels"] == [{"channel": "all", "delivered": False, "reason": reason}]
    assert found["heartbeat"] == "connection refused"
    assert "WARN  heartbeat: connection refused" in ran.stderr
    assert "secret-token" not in ran.stdout + ran.stderr


def test_a_folder_of_channels_that_does_not_exist_is_a_warning_before_anything_is_probed(
    server: str, tmp_path: Path
) -> None:
    ran = netproof("check", "--settle", "0", "--allow", server, "--channels", tmp_path / "nowhere")
    assert ran.returncode == 0
    assert f"WARN  {tmp_path}/nowhere: there is no such folder of channels" in ran.stdout.splitlines()[0]


def test_1_interrupted_while_the_message_goes_out(nobody: str, mute: str, tmp_path: Path) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "hook").write_text(f"json://{mute}/")
    file = write(tmp_path / "c.yaml", {"allow": [nobody], "settle": 0})
    command = [str(NETPROOF), "check", str(file), "--channels", str(tmp_path / "channels")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any("VIOLATION" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 1
