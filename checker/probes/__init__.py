"""The kinds of targets. A new kind is one module beside these and one line in KINDS."""

from checker.probes.base import Kind
from checker.probes.dns import DNS
from checker.probes.http import HTTP, HTTPS
from checker.probes.tcp import TCP
from checker.probes.udp import UDP

KINDS: dict[str, Kind] = {
    "tcp": TCP,
    "udp": UDP,
    "http": HTTP,
    "https": HTTPS,
    "dns": DNS,
}
