"""dns://name[@server[:port]] - query a name server for the IPv4 and IPv6 addresses of a name.

Search domains are not used. The default servers are those of this machine. On the allow list, a truncated answer is
queried again over TCP (RFC 7766). On the deny list, TCP is tried beside UDP: a policy must block both.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from checker.model import Check, Expect, Observation, Outcome, Probe
from checker.probes.base import Reply, connect, duration, exchange

if TYPE_CHECKING:
    from dns.message import QueryMessage

# Of several observations of one server, the first in this order counts: first what got through, then the least certain.
_ORDER = (Outcome.OPEN, Outcome.UNEXPECTED, Outcome.CLOSED, Outcome.UNTESTABLE, Outcome.REJECTED, Outcome.SILENT)


def read(reply: bytes, query: QueryMessage) -> tuple[Outcome, str] | None:
    """Return what a reply to the query means: outcome and words; None for one that is truncated."""
    from dns import exception, flags, message, rcode  # noqa: PLC0415 - a run without dns targets must not pay for it

    try:
        answer = message.from_wire(reply, raise_on_truncation=False)
        if not isinstance(answer, message.QueryMessage) or not query.is_response(answer):
            return Outcome.UNEXPECTED, "an answer to another question"
        if answer.rcode() == rcode.REFUSED:
            return Outcome.CLOSED, "REFUSED"
        if answer.rcode() != rcode.NOERROR:
            return Outcome.UNEXPECTED, rcode.to_text(answer.rcode())
        if answer.flags & flags.TC:
            return None
        found = answer.resolve_chaining().answer
    except (exception.DNSException, ValueError) as error:
        return Outcome.UNEXPECTED, f"no valid DNS answer ({type(error).__name__})"
    return (Outcome.OPEN, "resolved") if found else (Outcome.UNEXPECTED, "no address of that name")


class Dns(Probe):
    """Open means that the server knows an address of the name; on the deny list also that it accepts TCP."""

    datagrams = True

    async def attempt(self, check: Check, address: str) -> Observation:
        """Ask for both types of record, and on the deny list connect, too; all at once."""
        asked = [_ask(check, address, kind) for kind in ("A", "AAAA")]
        if check.expect is not Expect.REACHABLE:
            asked.append(_connect(check, address))
        observations = await asyncio.gather(*asked)
        return min(observations, key=lambda each: _ORDER.index(each.outcome))


async def _connect(check: Check, address: str) -> Observation:
    observation = await connect(check, address)
    return replace(observation, seen=f"over TCP: {observation.seen}")


async def _ask(check: Check, address: str, kind: str) -> Observation:
    """Ask for one type of record."""
    from dns import message  # noqa: PLC0415

    query = message.make_query(check.target.name, kind)
    came = await exchange(check, address, query.to_wire())
    if not isinstance(came, Reply):
        return came
    outcome, seen = read(came.data, query) or await _ask_by_tcp(check, address, query, came.after)
    return Observation(outcome, f"{seen} after {duration(came.after)}")


async def _ask_by_tcp(check: Check, address: str, query: QueryMessage, after: float) -> tuple[Outcome, str]:
    """Ask again over TCP, in what is left of the timeout."""
    from dns import asyncquery, exception  # noqa: PLC0415

    if check.expect is not Expect.REACHABLE:
        return Outcome.OPEN, "a truncated answer"
    try:
        reply = await asyncquery.tcp(query, address, check.timeout - after, check.target.port)
    except (OSError, EOFError, ValueError, exception.DNSException) as error:
        words = {exception.Timeout: "no answer", EOFError: "it closed the connection"}
        reason = words.get(type(error), str(error).rstrip("."))
        return Outcome.UNEXPECTED, f"a truncated answer, and over TCP: {reason}"
    return read(reply.to_wire(), query) or (Outcome.UNEXPECTED, "a truncated answer over TCP")
