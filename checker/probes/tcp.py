"""tcp://host:port - establishes a connection, and closes it."""

from collections.abc import Awaitable

from checker.model import Check, Observation, Probe
from checker.probes.base import connect


class Tcp(Probe):
    """Open means that the connection was established, even if the server closes it at once."""

    def attempt(self, check: Check, address: str) -> Awaitable[Observation]:
        """Connect once."""
        return connect(check, address)
