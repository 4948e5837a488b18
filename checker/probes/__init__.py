"""The kinds of targets. A new kind is one module beside these and one line in KINDS."""

from checker import target
from checker.model import Probe
from checker.probes.command import Command
from checker.probes.dns import Dns
from checker.probes.http import Http, Https
from checker.probes.sandbox import Sandbox
from checker.probes.tcp import Tcp
from checker.probes.udp import Udp
from checker.target import Target

KINDS: dict[str, type[Probe]] = {
    "tcp": Tcp,
    "udp": Udp,
    "http": Http,
    "https": Https,
    "dns": Dns,
    "sandbox": Sandbox,
    "command": Command,
}
_FORMS = {name: kind.form for name, kind in KINDS.items()}


def parse(text: str) -> Target:
    """Read a target of any kind. Raises TargetError with what is wrong with it."""
    return target.parse(text, _FORMS)
