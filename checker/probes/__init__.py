"""The kinds of targets. A new kind is one module beside these and one line in KINDS."""

from typing import Any

from checker import target
from checker.probes.base import Kind
from checker.probes.command import COMMAND
from checker.probes.dns import DNS
from checker.probes.http import HTTP, HTTPS
from checker.probes.sandbox import SANDBOX
from checker.probes.tcp import TCP
from checker.probes.udp import UDP
from checker.target import Target

KINDS: dict[str, Kind[Any]] = {
    "tcp": TCP,
    "udp": UDP,
    "http": HTTP,
    "https": HTTPS,
    "dns": DNS,
    "sandbox": SANDBOX,
    "command": COMMAND,
}
_FORMS = {name: kind.form for name, kind in KINDS.items()}


def parse(text: str) -> Target:
    """Read a target of any kind. Raises TargetError with what is wrong with it."""
    return target.parse(text, _FORMS)
