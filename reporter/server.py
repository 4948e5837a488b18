"""A small HTTP server: a table of paths, each with a function that makes the answer."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qsl


class Answer(NamedTuple):
    """An HTTP response."""

    body: bytes
    type: str = "text/plain; charset=utf-8"
    status: int = 200


Query = Mapping[str, str]
Routes = Mapping[str, Callable[[Query], Answer]]


def serve(address: tuple[str, int], routes: Routes) -> ThreadingHTTPServer:
    """Answer GET and HEAD in threads, until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds, for a client that sends nothing

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client may go at any time
                super().handle()

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            make = routes.get(path)
            answer = make(dict(parse_qsl(query))) if make else Answer(b"not found\n", status=404)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("X-Frame-Options", "DENY")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *_: object) -> None:
            """Log nothing: probes and scrapes come every few seconds."""

    server = ThreadingHTTPServer(address, Handler)
    Thread(target=server.serve_forever, name=f"http {address[1]}", daemon=True).start()
    return server
