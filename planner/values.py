"""Suggestions as values of the chart, with comments for the person who reads them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from planner.suggestion import Entry, Suggestion, Vantage

_HEAD = """\
# Suggested by `netproof suggest`. Read each line before you commit it: policies show what is allowed today, not what
# should be, and what no policy mentions is on no list.
"""
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z]([a-z0-9./@_-]|:(?=\S)| (?=[a-z]))*", re.IGNORECASE
)


def write(suggestion: Suggestion) -> str:
    """Write values.yaml."""
    lines = [_HEAD, *(f"# - {note}\n" for note in suggestion.notes)]
    lines.append("vantages:\n" if suggestion.vantages else "vantages: {}\n")
    for vantage in suggestion.vantages:
        lines += _vantage(vantage)
    if suggestion.control:
        lines.append("# Shows that denied targets are alive: it must be able to reach them.\n")
        lines.append("control:\n  enabled: true\n")
        lines += _place(suggestion.control, "  ")
    return "".join(lines)


def _vantage(vantage: Vantage) -> Iterator[str]:
    more = f" and {len(vantage.workloads) - 4} more" if len(vantage.workloads) > 4 else ""
    stands_for = ", ".join(vantage.workloads[:4]) + more or "any other pod of the namespace"
    yield f"  # {stands_for}\n  {vantage.name}:\n"
    yield from _place(vantage, "    ")
    if not vantage.allow:
        yield "    isolated: true  # its policies let it reach nothing that could be listed\n"
    yield "    targets:\n"
    yield from _entries("allow", vantage.allow)
    if vantage.left_out:
        yield f"      # {vantage.left_out} more denials are possible: see --max-denials\n"
    yield from _entries("deny", vantage.deny)


def _place(vantage: Vantage, indent: str) -> Iterator[str]:
    labels = ", ".join(f"{scalar(key)}: {scalar(value)}" for key, value in vantage.labels.items())
    yield f"{indent}namespace: {scalar(vantage.namespace)}\n{indent}podLabels: {{{labels}}}\n"


def _entries(key: str, entries: Iterable[Entry]) -> Iterator[str]:
    listed = [line for entry in entries for line in _entry(entry)]
    yield from [f"      {key}:\n", *listed] if listed else [f"      {key}: []\n"]


def _entry(entry: Entry) -> Iterator[str]:
    yield f"        - target: {scalar(entry.target)}\n          because: {scalar(entry.because)}\n"
    if not entry.control:
        yield "          control: false  # nobody is known to reach it\n"


def scalar(text: str) -> str:
    """Write text as YAML, in quotes where it could be read as something else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
