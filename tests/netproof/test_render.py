"""`netproof render`: the message of a report, and of the termination message that shortens it."""

import socket
from pathlib import Path

import pytest

from tests.checker.command import netproof


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Write the report and the termination message of a run that found a violation."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{nobody.getsockname()[1]}"
        files = ("--report", tmp_path / "report", "--termination-log", tmp_path / "log")
        assert netproof("check", "--settle", "0", "--allow", target, *files).returncode == 1
    return tmp_path


@pytest.mark.parametrize("file", ["report", "log"])
@pytest.mark.parametrize("form", ["slack", "teams", "html", "text"])
def test_a_report_and_a_termination_message_are_rendered(reports: Path, file: str, form: str) -> None:
    ran = netproof("render", "--report", reports / file, "--form", form)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("🔴 netproof: 1 unreachable target\n\n")
    assert "127.0.0.1:" in ran.stdout


def test_a_broken_template_is_exit_2(reports: Path) -> None:
    (reports / "text.j2").write_text("title\n{{ oops }}")
    ran = netproof("render", "--report", reports / "report", "--form", "text", "--templates", reports)
    assert ran.returncode == 2
    assert ran.stdout.startswith("🔴 netproof: 1 unreachable target\n\n")
    assert f"{reports}/text.j2:2: 'oops' is undefined" in ran.stderr


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1, "verdict": "pass"}', '{"version": 2, "verdict": "odd"}'])
def test_what_is_not_a_report_is_exit_2(text: str, tmp_path: Path) -> None:
    (tmp_path / "report").write_text(text)
    ran = netproof("render", "--report", tmp_path / "report", "--form", "text")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{tmp_path}/report: it " in ran.stderr
