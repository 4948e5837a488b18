"""Send a report again, or a test message."""

from checker.model import UNDELIVERED
from netproof.arguments import CHANNELS, FILE, Add, Options, UsageError, add_messages, report
from netproof.console import Console
from notifications.channels import folder
from notifications.deliver import deliver, send_test


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_messages(add)
    add("--report", **FILE, help="a report as JSON")
    add("--test", action="store_true", help="send a test message to every channel")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    if options.test == bool(options.report):
        raise UsageError("give either --report FILE or --test (see `netproof notify --help`)")
    if options.channels is None:
        raise UsageError(f"there are no channels: {CHANNELS} does not exist; name a folder with --channels")
    channels = folder(options.channels)
    if not channels:
        raise UsageError(f"{options.channels} contains no channel; put an apprise URL into a file there")
    sent = send_test(channels) if options.test else deliver(report(options.report), channels, options.templates)
    console = Console()
    for each in sent:
        console.note(each.level, str(each))
    return 0 if all(each.delivered for each in sent) else UNDELIVERED
