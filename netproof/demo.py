"""`netproof demo`: find and report a violation, without a cluster or a network."""

import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from checker import config, report
from checker.model import Verdict
from netproof.arguments import Add, Options, notify_shape
from netproof.check import probe
from netproof.console import Console
from notifications.deliver import deliver
from reporter.server import Answer, Query, serve

_HERE = "127.0.0.1"
_INTRODUCTION = """\
netproof demo: real servers on loopback play the targets of a shop.
(In a real check, an answer from loopback does not show that the network works.)
"""
_CONFIGURATION = """\
vantage: {{name: shop, namespace: demo, labels: {{app: shop-front}}}}
settle: 0
defaults: {{timeout: 1500ms}}
allow:
- {{name: orders API, target: "{orders}", because: the shop cannot sell without it}}
deny:
- {{name: vault, target: "{vault}", because: only operators may open it}}
- {{name: billing, target: "{billing}", because: cards are handled there, closed: pass}}
- {{name: customer database, target: "{database}", because: a shop front that is broken into must not reach it}}
"""
_EXPLANATION = """\
What you just saw
  allow  The orders API must be reachable, and is. This also shows that the vantage has a network.
  deny   The vault never answers, as with a policy that drops packets. Billing answers with resets, as with a
         firewall that denies with resets (its check has `closed: pass`). Both are blocked, and pass.
  deny   The database must not be reachable, but it accepted the connections. This is a leak.
  `netproof check` would exit with code 1, and its Job in a cluster would fail.

What to do next
  Try it with your own targets:
    {command} check --settle 0 --allow HOST:PORT --deny HOST:PORT
  Install it on a cluster: README.md, "On a cluster".
"""


def add_arguments(_: Add) -> None:
    """Add no arguments."""


def run(_options: Options) -> int:
    """Run the demo. Return 0 if the leak was found and the message arrived, else 70."""
    console = Console()
    console.print(_INTRODUCTION)
    with ExitStack() as stack:
        file = _file(_CONFIGURATION.format(**_targets(stack)))
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
    console.print("\nThe message, as a webhook on this machine received it\n")
    for message in received:
        console.print("\n".join(f"  | {line}" for line in (message["title"], "", *message["message"].splitlines())))
    console.print("\n" + _EXPLANATION.format(command=sys.argv[0]))  # netproof may not be on the PATH
    caught = ran.summary["leaks"] == 1 and ran.verdict is Verdict.VIOLATION
    return 0 if caught and all(each.delivered for each in sent) else 70


def _file(content: str) -> Path:
    """Write a file in memory, because the disk may be read-only."""
    descriptor = os.memfd_create("demo")
    os.write(descriptor, content.encode())
    return Path(f"/proc/self/fd/{descriptor}")


def _targets(stack: ExitStack) -> dict[str, str]:
    """Start the servers of the demo, and give the target of each."""
    orders, database, vault = (stack.enter_context(socket.create_server((_HERE, 0), backlog=n)) for n in (8, 8, 0))
    # One connection fills a queue of this length (listen(2)): the kernel drops all that come after it.
    stack.enter_context(socket.create_connection(vault.getsockname()))
    with socket.create_server((_HERE, 0)) as billing:  # closed below, so that its port answers with resets
        servers = {"orders": orders, "database": database, "vault": vault, "billing": billing}
        return {name: "{}:{}".format(*server.getsockname()) for name, server in servers.items()}
