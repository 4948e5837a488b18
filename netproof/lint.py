"""Find mistakes in a configuration, without probing."""

from checker.network import gateways
from netproof.arguments import Add, Options, add_lists, plan
from netproof.text import text


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_lists(add)


def run(options: Options) -> None:
    """Run the command."""
    found = plan(options)
    hosts = {check.target.host for check in found.checks if check.list == "allow" and check.target.host}
    gateway = hosts.pop() if len(hosts) == 1 and hosts <= {*gateways()} else None
    print(text("lint.j2", plan=found, gateway=gateway))
