"""`netproof notify`: send a report again, or a test message."""

import argparse
from pathlib import Path

from netproof.arguments import CHANNELS, UsageError, add_channels, add_templates, document
from netproof.console import Console
from netproof.publish import UNDELIVERED, Readers, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_channels(parser)
    add_templates(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="a report as JSON")
    parser.add_argument("--test", action="store_true", help="send a test message to every channel")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from notifications.channels import folder  # noqa: PLC0415
    from notifications.deliver import deliver, trial  # noqa: PLC0415

    if options.test == bool(options.report):
        raise UsageError("give either --report FILE or --test (see `netproof notify --help`)")
    path = Readers(channels=options.channels).folder
    if path is None:
        raise UsageError(f"there are no channels: {CHANNELS} does not exist; name a folder with --channels")
    channels = folder(path)
    if not channels:
        raise UsageError(f"{path} holds no channel; put an apprise URL into a file there")
    deliveries = trial(channels) if options.test else deliver(document(options.report), channels, options.templates)
    console = Console()
    delivered = [show(each, console) for each in deliveries]
    return 0 if all(delivered) else UNDELIVERED
