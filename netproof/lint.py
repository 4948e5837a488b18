"""`netproof lint`: find the mistakes in a configuration, without probing."""

from checker.network import gateways
from checker.words import harmless
from netproof.arguments import Add, Options, add_lists, plan

_ONLY_GATEWAY = (
    "{} is this machine's default gateway, and the only allowed host: it answers even when the link behind it is down. "
    "Allow a target beyond it, too"
)


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_lists(add)


def run(options: Options) -> None:
    """Run the command."""
    found = plan(options)
    allowed = [check.target.host for check in found.checks if check.list == "allow"]
    hosts = set(filter(None, allowed))
    gateway = [_ONLY_GATEWAY.format(*hosts)] if len(hosts) == 1 and hosts <= gateways() else []
    for warning in (*found.warnings, *gateway):
        print(f"warning: {harmless(warning)}")
    print(f"no mistakes: {len(allowed)} allowed, {len(found.checks) - len(allowed)} denied")
