"""Answers of servers without an end, and how much memory a command holds that reads them."""

from __future__ import annotations

import gzip
import os
import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.netns import NETPROOF

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from threading import Event

LIMIT = 128  # MB, for the command and all of its processes together
OK = "HTTP/1.1 200 OK"
BLOCK = b"x" * 1_000_000


def _bomb() -> bytes:
    """Pack 1 GB into some kB, in one gzip stream without its end: a full flush makes each block the same."""
    packer = zlib.compressobj(9, wbits=31)
    first = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(first + block * 999)


BOMB = _bomb()


def head(*headers: str, start: str = OK) -> bytes:
    return "\r\n".join((start, *headers, "", "")).encode()


def gigabyte(connection: socket.socket, _: Event, start: str = OK) -> None:
    connection.sendall(head("Content-Length: 1000000000", start=start))
    for _each in range(1000):
        connection.sendall(BLOCK)


def bomb(connection: socket.socket, _: Event, start: str = OK) -> None:
    connection.sendall(head(f"Content-Length: {len(BOMB)}", "Content-Encoding: gzip, gzip", start=start) + BOMB)


def endless(connection: socket.socket, over: Event, start: str = OK) -> None:
    connection.sendall(head("Connection: close", start=start))
    while not over.is_set():
        connection.sendall(BLOCK)


def endless_chunk_head(connection: socket.socket, over: Event, start: str = OK) -> None:
    connection.sendall(head("Transfer-Encoding: chunked", start=start))
    while not over.is_set():
        connection.sendall(b"0" * 1_000_000)


HTTP = {each.__name__: each for each in (gigabyte, bomb, endless, endless_chunk_head)}


class Measured:
    """A command that ran, and the peak of what all its processes held: shared pages count once (Pss, proc(5))."""

    def __init__(self, arguments: list[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        command = [str(NETPROOF), *arguments]
        self.peak, pipe = 0.0, subprocess.PIPE
        with subprocess.Popen(command, cwd=folder, stdout=pipe, text=True, start_new_session=True, env=env) as process:
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
