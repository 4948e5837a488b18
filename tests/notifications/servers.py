"""Servers on loopback that receive messages: real sockets, real TLS, and every way in which a server can fail."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

Behaviour = Callable[[socket.socket, Event], None]


@dataclass
class Request:
    """What a client sent: the request line, and the body."""

    line: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", "")
    return lambda connection, _: connection.sendall("\r\n".join(lines).encode() + body)


def hang(_: socket.socket, over: Event) -> None:
    over.wait()


def trickle(connection: socket.socket, over: Event) -> None:
    """Begin an answer that has no end, each byte soon enough for any time limit of a single read."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _dribble(connection, over)


def trickle_mail(connection: socket.socket, over: Event) -> None:
    connection.sendall(b"220-")
    _dribble(connection, over)


def _dribble(connection: socket.socket, over: Event) -> None:
    while not over.wait(0.05):
        connection.sendall(b".")


def reset(connection: socket.socket, _: Event) -> None:
    # Linger of zero seconds: close sends a TCP reset (socket(7)).
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def garbage(connection: socket.socket, _: Event) -> None:
    connection.sendall(b"\x00\xff\x15garbage\r\n" * 3)


OK = answer("200 OK", b"ok")


@dataclass
class Server:
    """A listening server: where it is, and what it was sent."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)

    @property
    def hosts(self) -> list[str]:
        """To whom a proxy was asked to connect."""
        return [request.line.split()[1] for request in self.requests]


@contextmanager
def http(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve HTTP: the first request is answered by the first behaviour, and so on; the last one stays."""
    server = Server()

    def serve(connection: socket.socket, over: Event) -> None:
        with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
            server.requests.append(_read(stream))
            behaviours[min(len(server.requests), len(behaviours)) - 1](stream, over)

    with _listen(serve) as server.port:
        yield server


@contextmanager
def proxy(port: int) -> Iterator[Server]:
    """Serve as a proxy that lets CONNECT through to one port on loopback, whatever host is asked for."""
    server = Server()

    def serve(connection: socket.socket, _: Event) -> None:
        with suppress(OSError):
            server.requests.append(_read(connection))
            with socket.create_connection(("127.0.0.1", port)) as target:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = Thread(target=_pump, args=(target, connection), daemon=True)
                back.start()
                _pump(connection, target)
                back.join()

    with _listen(serve) as server.port:
        yield server


@contextmanager
def tcp(behaviour: Behaviour) -> Iterator[Server]:
    """Serve whatever the behaviour does at once, as a mail server greets."""

    def serve(connection: socket.socket, over: Event) -> None:
        with suppress(OSError):
            behaviour(connection, over)

    with _listen(serve) as port:
        yield Server(port)


@dataclass
class Mailbox:
    """A mail server: where it is, and the mails that it took."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: str | None = None

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        self.mails.append(message_from_bytes(cast("bytes", envelope.content), policy=policy.default))
        return "250 taken"


@contextmanager
def smtp(tls: ssl.SSLContext | None = None, refuse: str | None = None) -> Iterator[Mailbox]:
    """Serve SMTP, by STARTTLS alone when there is a TLS context."""
    mailbox = Mailbox(refuse=refuse)
    loop = asyncio.new_event_loop()
    make = lambda: SMTP(mailbox, tls_context=tls, require_starttls=bool(tls), loop=loop, hostname="localhost")  # noqa: E731
    server = loop.run_until_complete(loop.create_server(make, "127.0.0.1", 0))
    mailbox.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield mailbox
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(server.wait_closed())
        loop.close()


def refused() -> int:
    """Name a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def _listen(serve: Callable[[socket.socket, Event], None]) -> Iterator[int]:
    over = Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            serve(self.request, over)

    class Listener(ThreadingTCPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            self.close_request(request)  # no FIN first: a reset must stay one

    with Listener(("127.0.0.1", 0), Handler) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield listener.server_address[1]
        finally:
            over.set()
            listener.shutdown()
            thread.join()


def _read(stream: socket.socket) -> Request:
    head, separator = b"", b"\r\n\r\n"
    while separator not in head:
        if not (piece := stream.recv(65_536)):
            raise ConnectionError
        head += piece
    head, _, body = head.partition(separator)
    lines = head.decode("latin-1").split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
    while len(body) < length:
        body += stream.recv(65_536)
    return Request(lines[0], body)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until the source ends, then end the sink, which ends the way back too."""
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
