"""Watch the Jobs of a release in its cluster, and notify the channels of changes."""

import signal
from pathlib import Path
from threading import Event

from netproof.arguments import FILE, Add, InputError, Options, add_messages, reading
from netproof.console import Console
from reporter import api, routes, server
from reporter.service import Service
from reporter.settings import load

_SETTINGS = Path("/etc/netproof-reporter/reporter.yaml")


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("--settings", **FILE, default=_SETTINGS, help="settings of the reporter (default %(default)s)")
    add_messages(add)
    add("--heartbeat", **FILE, help="file with the URL to call while there is no finding")


def run(options: Options) -> None:
    """Run the command until it is stopped."""
    with reading(options.settings) as content:
        settings = load(content)
    try:
        url = api.address()
    except api.ApiError as error:
        raise InputError(str(error)) from None
    console, stop = Console(), Event()
    service = Service(settings, api.Api(url), console.note, options.channels, options.templates, options.heartbeat)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.serve(("", settings.port), routes.public(service))
    server.serve(("127.0.0.1", settings.page_port), routes.local(service))
    console.note("INFO", f"watching {len(settings.vantages)} vantages in {len(settings.namespaces)} namespaces")
    service.run(stop)
