"""Answers without an end: the command that sends stays small, and reports them."""

import gzip
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from tests.notifications import conftest as sample
from tests.notifications import servers

LIMIT = 128  # MB, for the command and all of its processes together
NETPROOF = Path(sys.executable).with_name("netproof")
BLOCK = b"x" * 1_000_000
BOMB = gzip.compress(gzip.compress(bytes(1_000_000)) * 1000)  # 1 GB in some kB
TOO_LARGE = ("is too large, or cannot be read", "needs more than 32 MB of memory", "its answer is invalid")


def head(*headers: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *headers, "", "")).encode()


def gigabyte(connection: socket.socket, _: Event) -> None:
    connection.sendall(head("Content-Length: 1000000000"))
    for _each in range(1000):
        connection.sendall(BLOCK)


def bomb(connection: socket.socket, _: Event) -> None:
    connection.sendall(head(f"Content-Length: {len(BOMB)}", "Content-Encoding: gzip, gzip") + BOMB)


def endless(connection: socket.socket, over: Event) -> None:
    connection.sendall(head("Connection: close"))
    while not over.is_set():
        connection.sendall(BLOCK)


def endless_chunk_head(connection: socket.socket, over: Event) -> None:
    connection.sendall(head("Transfer-Encoding: chunked"))
    while not over.is_set():
        connection.sendall(b"0" * 1_000_000)


def endless_greeting(connection: socket.socket, over: Event) -> None:
    while not over.is_set():
        connection.sendall(b"220-hello\r\n" * 100_000)


HTTP = {each.__name__: each for each in (gigabyte, bomb, endless, endless_chunk_head)}


@pytest.mark.parametrize("behaviour", [*HTTP.values(), endless_greeting], ids=[*HTTP, "endless_greeting"])
def test_an_answer_without_an_end(
    behaviour: servers.Behaviour, leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(leaking))
    serve = servers.tcp if behaviour is endless_greeting else servers.http
    with serve(behaviour) as bad, servers.http(servers.OK) as good:
        url = sample.mail(bad.port) if behaviour is endless_greeting else sample.json(bad.port)
        channels(bad=url, good=sample.json(good.port))
        ran = Measured(["notify", "--report", "report.json", "--channels", "channels"], tmp_path)
    assert "channel good: delivered" in ran.output
    assert "channel bad: not delivered: " in ran.output
    assert any(reason in ran.output for reason in TOO_LARGE), ran.output
    assert ran.code == 4
    assert ran.peak < LIMIT


@pytest.mark.parametrize("behaviour", HTTP.values(), ids=HTTP)
def test_a_heartbeat_without_an_end(behaviour: servers.Behaviour, tmp_path: Path) -> None:
    with servers.http(behaviour) as bad, servers.http(servers.OK) as target:
        (tmp_path / "heartbeat").write_text(f"http://localhost:{bad.port}/")
        listed = ["check", "--settle", "0", "--allow", f"localhost:{target.port}", "--heartbeat", "heartbeat"]
        ran = Measured(listed, tmp_path)
    assert len(bad.requests) == 1
    assert ran.peak < LIMIT


class Measured:
    """A command that ran, and the peak of what all its processes held: shared pages count once (Pss, proc(5))."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        command = [str(NETPROOF), *arguments]
        self.peak, pipe = 0.0, subprocess.PIPE
        with subprocess.Popen(command, cwd=folder, stdout=pipe, text=True, start_new_session=True) as process:
            while process.poll() is None:
                self.peak = max(self.peak, held(process.pid))
            self.output = process.stdout.read() if process.stdout else ""
        self.code = process.returncode


def held(session: int) -> float:
    """MB that all processes of a session hold."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == session:
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):  # it has ended
            continue
    return total / 1024
