"""What is outside of the cluster: Slack behind a company's proxy, any other receiver of HTTP, in one process.

It runs where pods can reach it (see conftest.py) and prints each request that arrived as one line of JSON:
    {"host": "hooks.slack.com", "path": "/services/…", "body": "…"}
A CONNECT is answered as a proxy does, and what comes through the tunnel with the certificate given: it is every host.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Outside(BaseHTTPRequestHandler):
    """Answers everything with `ok`, as Slack does."""

    protocol_version = "HTTP/1.1"
    tls: ssl.SSLContext
    host = ""
    delay: float  # seconds until it answers

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.host = self.path.rpartition(":")[0]
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        host = self.host or self.headers.get("Host", "")
        print(json.dumps({"host": host, "path": self.path, "body": body}), flush=True)
        time.sleep(self.delay)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        with suppress(BrokenPipeError):  # the sender was killed
            self.end_headers()
            self.wfile.write(b"ok")

    do_GET = do_POST  # noqa: N815 - a heartbeat

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: only received requests are printed."""


if __name__ == "__main__":
    address, port, certificate, delay = sys.argv[1:]
    Outside.delay = float(delay)
    Outside.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Outside.tls.load_cert_chain(certificate)
    server = ThreadingHTTPServer((address, int(port)), Outside)
    print(json.dumps({"listens": server.server_port}), flush=True)
    server.serve_forever()
