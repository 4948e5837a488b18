"""`netproof reporter`: watch the results of the Jobs of a release, and notify the channels."""

import argparse
import signal
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from netproof.arguments import CHANNELS, InputError, add_channels, add_templates
from netproof.console import Console

SETTINGS = Path("/etc/netproof-reporter/reporter.yaml")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--settings", type=Path, default=SETTINGS, metavar="FILE", help=f"settings of the reporter (default {SETTINGS})"
    )
    add_channels(parser)
    add_templates(parser)
    parser.add_argument(
        "--heartbeat", type=Path, metavar="FILE", help="file with the URL to call while there is no finding"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command until it is stopped, and return its exit code."""
    from reporter.api import Api, ApiError, address  # noqa: PLC0415 - no other command needs httpx so early
    from reporter.routes import local, public  # noqa: PLC0415
    from reporter.server import serve  # noqa: PLC0415
    from reporter.service import Service  # noqa: PLC0415
    from reporter.settings import SettingsError, load  # noqa: PLC0415

    try:
        settings, url = load(options.settings), address()
    except (SettingsError, ApiError) as error:
        raise InputError([str(error)]) from None
    console, stop = Console(), Event()

    channels = options.channels or (CHANNELS if CHANNELS.is_dir() else None)
    service = Service(settings, Api(url), console.note, channels, options.templates, options.heartbeat)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        stack.callback(serve(("", settings.port), public(service)).shutdown)
        stack.callback(serve(("127.0.0.1", settings.page_port), local(service)).shutdown)
        console.note("INFO", f"watching {len(settings.vantages)} vantages in {len(settings.namespaces)} namespaces")
        service.run(stop)
    return 0
