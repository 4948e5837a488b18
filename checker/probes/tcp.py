"""tcp://host:port - a connection is established, and closed again."""

from collections.abc import Awaitable

from checker.model import Check, Observation
from checker.probes.base import Kind, NoSettings, connect
from checker.target import Form


def attempt(check: Check, _settings: NoSettings, address: str, port: int) -> Awaitable[Observation]:
    """Open means that the connection was established, also when the server closes it at once."""
    return connect(check, address, port)


TCP = Kind(Form(), NoSettings, attempt)
