"""`netproof render`: show the message for a report."""

from netproof.arguments import FILE, TEMPLATES, Options, argument, report
from notifications.errors import NotificationError
from notifications.forms import FORMS
from notifications.render import render

ARGUMENTS = (
    argument("--report", **FILE, required=True, help="a report as JSON"),
    argument("--form", choices=tuple(FORMS), required=True, help="the form of the message"),
    TEMPLATES,
)


def run(options: Options) -> None:
    """Run the command."""
    message = render(report(options.report), options.form, options.templates)
    print(message.title, message.body, sep="\n\n")
    if message.fault:
        raise NotificationError(message.fault)
