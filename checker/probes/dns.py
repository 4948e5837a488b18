"""dns://name[@server[:port]] - a name server is asked for the IPv4 address of a name.

The query is the smallest there is, and of the answer only the header is read (RFC 1035, section 4.1.1).
The name is asked for as it stands, without search domains; without a server the machine's own is asked.
"""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING

from checker.model import Observation, Outcome
from checker.network import family_of
from checker.probes.base import Kind, NoSettings, Reply, duration, exchange
from checker.target import Form

if TYPE_CHECKING:
    from checker.model import Check

_HEADER = struct.Struct("!6H")
_RECURSION_DESIRED, _RESPONSE = 0x0100, 0x8000
_A_IN = struct.pack("!HH", 1, 1)
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def query(name: str, number: int) -> bytes:
    """Encode a question for the A record of a name."""
    labels = name.removesuffix(".").encode("ascii").split(b".")
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + _A_IN
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + question


def read(reply: bytes, number: int) -> tuple[Outcome, str]:
    """Tell what a reply to the query of that number says."""
    if len(reply) < _HEADER.size:
        return Outcome.UNEXPECTED, "no DNS message"
    replied, flags, _, answers, _, _ = _HEADER.unpack_from(reply)
    if replied != number or not flags & _RESPONSE:
        return Outcome.UNEXPECTED, "no answer to our query"
    rcode = flags & 0xF
    if rcode == 5:
        return Outcome.CLOSED, "REFUSED"
    if rcode:
        return Outcome.UNEXPECTED, _RCODES.get(rcode, f"RCODE {rcode}")
    if not answers:
        return Outcome.UNEXPECTED, "no address of that name"
    return Outcome.OPEN, "resolved"


async def attempt(check: Check, _settings: NoSettings, address: str, port: int) -> Observation:
    """Open means that the server knows an address of the name."""
    number = secrets.randbelow(0x10000)
    came = await exchange(address, port, query(check.target.name, number), check.timeout)
    if not isinstance(came, Reply):
        return came
    outcome, seen = read(came.data, number)
    return Observation(outcome, f"{seen} after {duration(came.after)}", address, family_of(address), came.source)


DNS = Kind(Form(port=53, name=True), NoSettings, attempt)
