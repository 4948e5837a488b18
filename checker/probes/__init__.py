"""The kinds of targets. A new kind is one module, a line here, and a line in checker.target."""

from checker.model import Probe
from checker.probes.command import Command
from checker.probes.dns import Dns
from checker.probes.http import Http
from checker.probes.sandbox import Sandbox
from checker.probes.tcp import Tcp
from checker.probes.udp import Udp

KINDS: dict[str, type[Probe]] = {
    "tcp": Tcp,
    "udp": Udp,
    "http": Http,
    "https": Http,
    "dns": Dns,
    "sandbox": Sandbox,
    "command": Command,
}
