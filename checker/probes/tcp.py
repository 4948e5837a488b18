"""tcp://host:port - a connection is established, and closed again."""

from collections.abc import Awaitable

from checker.model import Check, Observation, Probe
from checker.probes.base import connect


class Tcp(Probe):
    """Open means that the connection was established, also when the server closes it at once."""

    def attempt(self, check: Check, address: str) -> Awaitable[Observation]:
        """Connect once."""
        return connect(check, address)
