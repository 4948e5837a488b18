"""`netproof lint`: find the mistakes in a configuration, without probing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.words import harmless
from netproof.arguments import add_lists, plan

if TYPE_CHECKING:
    import argparse

arguments = add_lists


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    found = plan(options)
    for warning in found.warnings:
        print(f"warning: {harmless(warning)}")
    allowed = sum(check.list == "allow" for check in found.checks)
    print(f"no mistakes: {allowed} allowed, {len(found.checks) - allowed} denied")
    return 0
