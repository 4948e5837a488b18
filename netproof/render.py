"""`netproof render`: show the message for a report."""

import argparse
from pathlib import Path

from netproof.arguments import add_templates, document
from notifications.errors import NotificationError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    from notifications.forms import FORMS  # noqa: PLC0415

    parser.add_argument("--report", type=Path, metavar="FILE", required=True, help="a report as JSON")
    parser.add_argument("--form", choices=tuple(FORMS), required=True, help="the form of the message")
    add_templates(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from notifications.render import render  # noqa: PLC0415

    message = render(document(options.report), options.form, options.templates)
    print(message.title, message.body, sep="\n\n")
    if message.fault:
        raise NotificationError(message.fault)
    return 0
