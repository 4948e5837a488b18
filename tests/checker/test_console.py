"""The output of the command: plain lines in a pod, colour on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import netns
from tests.checker.command import netproof, write
from tests.netns import NETPROOF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.netns import Servers

LINE = re.compile(r"\d\d:\d\d:\d\d (INFO |WARN |ERROR) (allow|deny )  \S+ +(\S+) +(\S+) ")


def on_a_terminal(*arguments: object, **environment: str) -> str:
    """Everything that the command writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [str(NETPROOF), *map(str, arguments)]
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**plain, "TERM": "xterm", **environment}
    ):
        os.close(theirs)
        written = b""
        try:
            while some := os.read(ours, 65536):
                written += some
        except OSError:  # the other side was closed: EIO
            pass
    os.close(ours)
    return written.decode()


@pytest.fixture
def file(server: str, nobody: str, mute: str, tmp_path: Path) -> Iterator[Path]:
    port = server.rpartition(":")[2]
    config: dict[str, Any] = {
        "allow": [{"target": server, "name": "orders API"}, nobody],
        "deny": [
            {"target": f"127.0.0.2:{port}", "because": "customer data"},
            {"target": mute, "timeout": "300ms", "because": "nobody needs it"},
        ],
        "settle": 0,
    }
    with socket.create_server(("127.0.0.2", int(port))):
        yield write(tmp_path / "netproof.yaml", config)


def test_one_line_for_each_check_and_a_summary(file: Path, server: str, nobody: str, mute: str) -> None:
    ran = netproof("check", file)
    assert ran.stderr == ""
    *lines, summary = ran.stdout.splitlines()
    words = {line.split()[3]: LINE.match(line) for line in lines}
    found = {target: match.groups() for target, match in words.items() if match}
    assert found == {
        f"tcp://{server}": ("INFO ", "allow", "open", "pass"),
        f"tcp://{nobody}": ("ERROR", "allow", "closed", "UNREACHABLE"),
        f"tcp://127.0.0.2:{server.rpartition(':')[2]}": ("ERROR", "deny ", "open", "LEAK"),
        f"tcp://{mute}": ("WARN ", "deny ", "silent", "inconclusive"),
    }
    assert "orders API: accepted after" in ran.stdout
    assert "It must be blocked, and it is reachable. Because: customer data" in ran.stdout
    assert re.search(
        r"[01] SYNs? unanswered in 3\d\d ms\. .*A pod with no network would look the same.*Because: nobody", ran.stdout
    )
    assert summary.startswith("VIOLATION  1 leak, 1 unreachable, 1 inconclusive, 1 of 4 checks pass in ")


@pytest.mark.parametrize("slow", ["msgspec", "yaml", "httpx", "jinja2", "apprise", "pycares", "dns"])
def test_a_run_from_two_lists_imports_nothing_slow(slow: str, server: str, tmp_path: Path) -> None:
    (tmp_path / f"{slow}.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "allow.lst").write_text(f"{server}\n")
    ran = netproof("check", tmp_path, "--settle", "0", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_pipe_is_plain(file: Path) -> None:
    ran = netproof("check", file, env={**os.environ, "TERM": "xterm", "FORCE_COLOR": "1"})
    assert "\x1b" not in ran.stdout
    assert "\r" not in ran.stdout


def test_a_terminal_has_colours(file: Path) -> None:
    shown = on_a_terminal("check", file)
    for code, word in (("1;31", "LEAK"), ("1;31", "UNREACHABLE"), ("33", "inconclusive"), ("32", "pass")):
        assert re.search(f"\x1b\\[{code}m{word} *\x1b\\[0m", shown), shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(file: Path, environment: dict[str, str]) -> None:
    shown = on_a_terminal("check", file, **environment)
    assert "LEAK" in shown
    assert "m" not in re.sub(r"[^\x1b\[0-9;m]", "", "".join(re.findall(r"\x1b\[[0-9;]*m", shown)))


def test_a_dumb_terminal_gets_plain_text(server: str, mute: str) -> None:
    arguments = ["check", "--allow", server, "--deny", mute, "--settle", "1s", "--deadline", "500ms"]
    assert "\x1b" not in on_a_terminal(*arguments, TERM="dumb")


def test_only_json_is_on_standard_output(file: Path) -> None:
    ran = netproof("check", file, "--output", "json")
    assert ran.stdout.startswith("{")
    assert ran.stdout.endswith("}\n")
    assert ran.stderr.count("\n") == 5  # the lines for people, and a warning


HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\u200b\r\n\x9b"


def test_control_characters_never_reach_the_terminal_raw(servers: Servers, tmp_path: Path) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    servers.udp(sock, lambda _: HOSTILE.encode())
    entry = {
        "target": f"udp://127.0.0.1:{sock.getsockname()[1]}",
        "name": f"name {HOSTILE}",
        "because": f"because {HOSTILE}",
        "payload": "ping",
        "reply": "pong",
    }
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"allow": [entry], "settle": 0}))  # with escapes: YAML forbids the characters
    shown = on_a_terminal("check", file, NO_COLOR="1")
    assert "UNREACHABLE" in shown
    shown = shown.replace("\r\n", "\n")
    assert not [c for c in shown if c != "\n" and not c.isprintable()]
    assert shown.count("\n") == 3
    assert r"name \x1b[2J\x1b]0;owned\x07\u202e\u200b\r\n\x9b" in shown


def test_hostile_http_never_reaches_the_terminal_raw(servers: Servers) -> None:
    async def handler(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 \x1b[2J\r\n\r\n")
        await writer.drain()

    sock = socket.create_server(("127.0.0.1", 0))
    servers.tcp(sock, handler)
    target = f"http://127.0.0.1:{sock.getsockname()[1]}"
    ran = netproof("check", "--settle", "0", "--allow", target)
    assert ran.returncode == 1
    assert "\x1b" not in ran.stdout


def test_a_line_is_printed_as_soon_as_its_check_is_decided(server: str, mute: str) -> None:
    command = [str(NETPROOF), "check", "--allow", server, "--deny", mute, "--settle", "1h"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert server in process.stdout.readline()  # long before the run is over
        process.terminate()


def test_the_demo_needs_nothing_and_explains_what_it_showed() -> None:
    ran = netproof("demo")
    assert ran.returncode == 0
    assert ran.stdout.count("LEAK") == 1
    assert "an answer from loopback does not show that the network works" in ran.stdout
    for part in ("as a webhook on this machine received it", "What you just saw", "What to do next"):
        assert part in ran.stdout
    assert "customer database" in ran.stdout.partition("as a webhook on this machine received it")[2]


@pytest.mark.root
def test_the_demo_needs_no_network(tmp_path: Path) -> None:
    with netns.world(tmp_path, pod=()) as bare:
        command = ["ip", "netns", "exec", bare.pod.name, str(NETPROOF), "demo"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout.count("LEAK")) == (0, 1), ran.stderr
