"""The kinds of targets, each by the name of its class. A new kind is one module and a class in KINDS."""

from checker import target
from checker.model import Probe
from checker.probes.command import Command
from checker.probes.dns import Dns
from checker.probes.http import Http, Https
from checker.probes.sandbox import Sandbox
from checker.probes.tcp import Tcp
from checker.probes.udp import Udp
from checker.target import Target

KINDS: dict[str, type[Probe]] = {kind.__name__.lower(): kind for kind in (Tcp, Udp, Http, Https, Dns, Sandbox, Command)}
_FORMS = {name: kind.form for name, kind in KINDS.items()}


def parse(text: str) -> Target:
    """Read a target of any kind. Raises TargetError with what is wrong with it."""
    return target.parse(text, _FORMS)
