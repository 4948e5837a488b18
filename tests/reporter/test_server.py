"""The small HTTP server."""

from __future__ import annotations

import socket
import struct
import threading
from threading import Event
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from reporter.server import Answer, serve


def test_pages_are_served_from_a_table() -> None:
    server = serve(("127.0.0.1", 0), {"/healthz": lambda _: Answer(b"ok\n")})
    with urlopen(f"http://127.0.0.1:{server.server_port}/healthz") as answer:
        assert answer.read() == b"ok\n"
    with urlopen(Request(f"http://127.0.0.1:{server.server_port}/healthz", method="HEAD")) as answer:
        assert (answer.headers["Content-Length"], answer.read()) == ("3", b"")
    with pytest.raises(HTTPError, match="404") as refused:
        urlopen(f"http://127.0.0.1:{server.server_port}/etc/passwd")
    refused.value.close()
    server.shutdown()
    server.server_close()


def test_a_client_that_disconnects_early_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    asked, gone = Event(), Event()

    def late(_: object) -> Answer:
        asked.set()
        gone.wait()
        return Answer(bytes(10_000_000))

    server = serve(("127.0.0.1", 0), {"/late": late})
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends a reset
        client.sendall(b"GET /late HTTP/1.0\r\n\r\n")
        asked.wait()
    gone.set()
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join()
    server.shutdown()
    server.server_close()
    assert capfd.readouterr().err == ""
