"""A stand-in for the API server on loopback: HTTPS with a CA of its own, lists in pages, one Secret, and faults."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import trustme

from reporter.api import Api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "token-1"


class StandIn(ThreadingHTTPServer):
    """`items` is what is listed; `faults` are answered first, one a request: a status, with or without Retry-After."""

    daemon_threads = True

    def __init__(self, account: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        ca = trustme.CA()
        account.mkdir(exist_ok=True)
        ca.cert_pem.write_to_path(account / "ca.crt")
        (account / "token").write_text(TOKEN)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.token = TOKEN
        self.items: list[Any] = []
        self.pages: dict[tuple[str, str], list[bytes]] = {}  # made before, by namespace and kind
        self.bodies: dict[str, list[bytes]] = {}  # pages made before, by kind
        self.faults: list[tuple[int, str]] = []
        self.fault: Any = {"message": "a fault"}
        self.refused: set[str] = set()  # namespaces, one kind of objects in a namespace (shop/pods), or "secret"
        self.expired = ""  # the kind of objects whose tokens of next pages are too old
        self.requests: list[tuple[str, str]] = []
        self.secret: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "state", "namespace": "ops", "resourceVersion": "1", "labels": {"by": "helm"}},
        }
        self.api = Api(f"https://127.0.0.1:{self.server_port}", account, patience=5.0)

    @property
    def state(self) -> bytes:
        return base64.b64decode(self.secret["data"]["state"])


class Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it holds each body back for 40 ms, until the headers are acknowledged

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.requests.append((self.command, url.path))
        if self.faulty():
            return
        parts = url.path.strip("/").split("/")
        namespace, kind = parts[-2 if "secrets" not in parts else -3], parts[-1]
        if "secrets" in parts:
            self.answer(200, self.server.secret)
        elif self.server.refused & {namespace, f"{namespace}/{kind}"}:
            self.answer(403, {"message": f'cannot list resource "{kind}" in the namespace "{namespace}"'})
        else:
            self.page(namespace, kind, {key: each[0] for key, each in parse_qs(url.query).items()})

    def handle(self) -> None:
        with suppress(OSError):  # of a client that refuses the certificate
            super().handle()

    def page(self, namespace: str, kind: str, query: dict[str, str]) -> None:
        if self.server.expired == kind and "continue" in query:
            self.answer(410, {"message": "The provided continue parameter is too old"})
            return
        if (namespace, kind) in self.server.pages:
            self.answer(200, self.server.pages[namespace, kind][int(query.get("continue", "0"))])
            return
        if kind in self.server.bodies:
            start = int(query.get("continue", "0"))
            self.answer(200, self.server.bodies[kind][start])
            return
        wanted = dict(each.split("=") for each in query["labelSelector"].split(","))
        found = [
            {key: each[key] for key in each if key != "kind"}
            for each in self.server.items
            if each["kind"].lower() + "s" == kind
            and each["metadata"]["namespace"] == namespace
            and wanted.items() <= each["metadata"]["labels"].items()
        ]
        start, limit = int(query.get("continue", "0")), int(query["limit"])
        following = {"continue": str(start + limit)} if start + limit < len(found) else {}
        self.answer(200, {"kind": "List", "metadata": following, "items": found[start : start + limit]})

    def do_PUT(self) -> None:
        self.server.requests.append((self.command, self.path))
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.faulty():
            return
        if "secret" in self.server.refused:
            self.answer(403, {"message": "cannot update resource"})
            return
        version = self.server.secret["metadata"]["resourceVersion"]
        if given["metadata"]["resourceVersion"] != version:
            self.answer(409, {"message": "the object has been modified"})
            return
        given["metadata"]["resourceVersion"] = str(int(version) + 1)
        self.server.secret = given
        self.answer(200, given)

    def faulty(self) -> bool:
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            self.answer(401, {"message": "Unauthorized"})
            return True
        if self.server.faults:
            status, after = self.server.faults.pop(0)
            self.answer(status, self.server.fault, after)
            return True
        return False

    def answer(self, status: int, value: Any, after: str = "") -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def standin(account: Path) -> Iterator[StandIn]:
    with StandIn(account) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
