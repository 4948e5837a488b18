"""udp://host:port - sends a datagram, and waits for a reply."""

import base64
from dataclasses import dataclass, replace
from typing import TypedDict

from checker.model import Check, Expect, Observation, Outcome, Probe
from checker.probes.base import Reply, duration, exchange


class Encoded(TypedDict, total=False):
    """Bytes that are no text: either hexadecimal digits (spaces may stand between bytes) or base64 (RFC 4648)."""

    hex: str
    base64: str


def to_bytes(text: str | Encoded | None) -> bytes:
    """Decode a payload; raises ValueError with what it should be."""
    if not isinstance(text, dict):
        return (text or "").encode()
    if len(text) != 1:
        raise ValueError("give either hex or base64")
    try:
        return bytes.fromhex(text["hex"]) if "hex" in text else base64.b64decode(text["base64"], validate=True)
    except ValueError:
        expected = "hex: expected pairs of digits such as 0aff" if "hex" in text else "base64: expected text like Cv8="
        raise ValueError(expected) from None


@dataclass(frozen=True, slots=True)
class Udp(Probe):
    """What is sent, and what the reply must contain."""

    datagrams = True

    payload: str | Encoded | None = None
    reply: str | Encoded | None = None

    def mistake(self, check: Check) -> tuple[str, str] | None:
        """Find a mistake. Without a payload, a UDP server does not answer, whether it is reachable or not."""
        for key, value in (("payload", self.payload), ("reply", self.reply)):
            try:
                if not to_bytes(value) and value is not None:
                    return key, "is empty; leave it out"
            except ValueError as error:
                return key, str(error)
        if check.expect is Expect.REACHABLE and self.payload is None:
            return "", "udp on the allow list needs a `payload` that the server answers"
        return None

    async def attempt(self, check: Check, address: str) -> Observation:
        """Open means that a reply came, and contains what the check asks for."""
        came = await exchange(check, address, to_bytes(self.payload))
        if not isinstance(came, Reply):
            return replace(came, asked=self.payload is not None)
        seen = f"{len(came.data)} bytes came back after {duration(came.after)}"
        if to_bytes(self.reply) in came.data:
            return Observation(Outcome.OPEN, seen)
        return Observation(Outcome.UNEXPECTED, f"{seen}, without the reply expected: {came.data[:32]!r}")
