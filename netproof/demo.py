"""Find and report a violation on this machine. Needs no cluster, network or configuration."""

import os
import socket
import sys
from pathlib import Path

from checker import config, report
from checker.model import Verdict
from netproof.arguments import Add, Options, notify_shape
from netproof.check import probe
from netproof.console import Console
from netproof.text import text
from notifications.deliver import deliver
from reporter.server import Answer, Query, serve

_HERE = "127.0.0.1"


def add_arguments(_: Add) -> None:
    """Add no arguments."""


def run(_options: Options) -> int:
    """Run the demo. Return 0 if the leak was found and the message arrived, else 70."""
    console = Console()
    console.print(text("demo-begin.j2"))
    names = {"orders": 8, "database": 8, "billing": 8, "vault": 0}  # each with the length of its queue
    servers = {name: socket.create_server((_HERE, 0), backlog=length) for name, length in names.items()}
    targets = {name: "{}:{}".format(*server.getsockname()) for name, server in servers.items()}
    servers["billing"].close()  # its port answers with resets
    # One connection fills the queue of the vault (listen(2)): the kernel drops all that come after it.
    servers["client"] = socket.create_connection(servers["vault"].getsockname())
    file = _file(text("demo.yaml.j2", **targets))
    ran = probe(config.load([file], notify_shape), console, lambda _: False)
    console.summary(ran)
    received: list[Query] = []

    def webhook(message: Query) -> Answer:
        received.append(message)
        return Answer(b"")

    server = serve((_HERE, 0), {"/": webhook})
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = _HERE
    channels = {"webhook": _file(f"form://{_HERE}:{server.server_port}/?method=GET")}
    sent = deliver(report.document(report.of_run(ran)), channels)
    # netproof may not be on the PATH
    console.print(text("demo-end.j2", messages=received, command=sys.argv[0]))
    caught = ran.summary["leaks"] == 1 and ran.verdict is Verdict.VIOLATION
    return 0 if caught and all(each.delivered for each in sent) else 70


def _file(content: str) -> Path:
    """Write a file in memory, because the disk may be read-only."""
    descriptor = os.memfd_create("demo")
    os.write(descriptor, content.encode())
    return Path(f"/proc/self/fd/{descriptor}")
