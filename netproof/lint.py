"""`netproof lint`: find the mistakes in a configuration, without probing."""

from checker.words import harmless
from netproof.arguments import Add, Options, add_lists, plan


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_lists(add)


def run(options: Options) -> None:
    """Run the command."""
    found = plan(options)
    for warning in found.warnings:
        print(f"warning: {harmless(warning)}")
    allowed = sum(check.list == "allow" for check in found.checks)
    print(f"no mistakes: {allowed} allowed, {len(found.checks) - allowed} denied")
