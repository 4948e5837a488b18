"""Show the message for a report."""

from netproof.arguments import FILE, Add, Options, add_templates, report
from notifications.errors import NotificationError
from notifications.forms import FORMS
from notifications.render import render


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("--report", **FILE, required=True, help="a report as JSON")
    add("--form", choices=tuple(FORMS), required=True, help="the form of the message")
    add_templates(add)


def run(options: Options) -> None:
    """Run the command."""
    message = render(report(options.report), options.form, options.templates)
    print(message.title, message.body, sep="\n\n")
    if message.fault:
        raise NotificationError(message.fault)
