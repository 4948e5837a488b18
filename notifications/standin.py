"""A stand-in for Slack on loopback: it takes messages as Slack does, and keeps them. For the demo and the tests."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from notifications.escape import GAP


class Slack(ThreadingHTTPServer):
    """An HTTP server that answers a message with ``ok``. ``messages`` holds what arrived, as JSON values."""

    daemon_threads = True
    url = "slack://T0DEM0000/B0DEM0000/onlyOnThisMachine0000000"

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def shown(self) -> list[str]:
        """Write each message as Slack shows it, without bold and fixed width."""
        return [_shown(message) for message in self.messages]


@contextmanager
def slack() -> Iterator[Slack]:
    """Run the stand-in; until the end, apprise's Slack service calls it instead of hooks.slack.com, by no proxy."""
    from apprise.plugins.slack import NotifySlack  # noqa: PLC0415, slow, and only needed here

    real, proxy = NotifySlack.webhook_url, {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    with Slack() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        NotifySlack.webhook_url = f"http://127.0.0.1:{server.server_port}/services"
        os.environ.update(dict.fromkeys(proxy, "127.0.0.1"))
        try:
            yield server
        finally:
            NotifySlack.webhook_url = real
            for name, value in proxy.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        """Take a message.

        https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
        """
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        """Keep silent: the path is the secret of the channel."""


def _shown(message: dict[str, Any]) -> str:
    blocks = [block for attachment in message["attachments"] for block in attachment["blocks"]]
    text = "\n\n".join(block["text"]["text"] for block in blocks)
    text = re.sub(r"<([^|>]+)\|([^>]+)>", r"\2: \1", text)
    text = re.sub(rf"(?<!{GAP})\*([^*\n]+)\*(?!{GAP})|`([^`\n]+)`", r"\1\2", text)
    return unescape(text.replace(GAP, ""))
