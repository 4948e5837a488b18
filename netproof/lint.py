"""`netproof lint`: find the mistakes in a configuration, without probing."""

import argparse

from checker.model import Plan
from checker.network import gateways
from checker.words import harmless
from netproof.arguments import add_lists, plan

arguments = add_lists
_BEYOND = "it answers even when its own uplink is down. Allow a target behind it"


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    found = plan(options)
    warnings = found.warnings
    if gateway := only_gateway(found):
        warnings = (
            *warnings,
            f"{gateway} is this machine's default gateway, and the only allowed host: {_BEYOND}",
        )
    for warning in warnings:
        print(f"warning: {harmless(warning)}")
    allowed = sum(check.list == "allow" for check in found.checks)
    print(f"no mistakes: {allowed} allowed, {len(found.checks) - allowed} denied")
    return 0


def only_gateway(plan: Plan) -> str | None:
    """Return the default gateway if nothing else is on the allow list: it does not show that the network works."""
    hosts = {check.target.host for check in plan.checks if check.list == "allow" and check.target.host}
    return hosts.pop() if len(hosts) == 1 and hosts <= gateways() else None
