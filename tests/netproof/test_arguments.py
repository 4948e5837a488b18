"""Arguments of every command that no command can use."""

import os
from pathlib import Path

import pytest

from tests.checker.command import netproof

LONG = "x" * 256  # longer than NAME_MAX of Linux: looking for such a file is an error of its own


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", LONG),
        *(("check", option, LONG) for option in ("--report", "--termination-log", "--channels", "--templates")),
        *(("check", option, LONG) for option in ("--heartbeat", "--alive")),
        ("lint", LONG),
        ("render", "--form", "text", "--report", LONG),
        ("notify", "--test", "--channels", LONG),
        ("alive", LONG),
        ("status", LONG),
        ("suggest", LONG),
        ("suggest", "--merge", LONG),
        ("coverage", LONG),
    ],
    ids=lambda arguments: " ".join(arguments[:-1]),
)
def test_a_path_that_no_file_can_have_is_an_invalid_argument(arguments: tuple[str, ...]) -> None:
    ran = netproof(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("netproof: Invalid arguments: nothing was done.\n")
    assert "File name too long: xxxx" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--channels"), "argument --channels: json://… is a URL; put it into a file, and give the path"),
        (("check", "--heartbeat"), "argument --heartbeat: json://… is a URL; put it into a file, and give the path"),
        (("check",), "argument PATH: json://… is a URL; put it into a file, and give the path"),
        (("notify", "--test"), "unrecognized arguments: json://…"),
        (("render", "--report", ".", "--form"), "argument --form: invalid choice: 'json://…"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_url_among_the_arguments_is_not_shown(arguments: tuple[str, ...], message: str) -> None:
    ran = netproof(*arguments, "json://user:password@host/token")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"netproof: Invalid arguments: nothing was done.\n  {message}")
    assert "token" not in ran.stderr


@pytest.mark.parametrize("option", ["--report", "--termination-log", "--alive"])
def test_a_folder_is_no_file_to_write(option: str, tmp_path: Path) -> None:
    ran = netproof("check", "--allow", "127.0.0.1:1", option, tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{tmp_path} cannot be written: name a file in a folder that netproof may write to" in ran.stderr


def test_the_file_of_alive_is_removed_at_the_start_and_anything_else_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("{}")
    for name in ("fifo", "file"):
        command = ("check", "--settle", "0", "--allow", "127.0.0.1:1", "--every", "1s", "--alive", tmp_path / name)
        assert netproof(*command).returncode == 1
    assert [each.name for each in tmp_path.iterdir()] == ["fifo"]
