"""Resolves names with c-ares: thousands at once, without a thread for each, in at most LIMIT seconds.

c-ares reads /etc/hosts and resolv.conf with its search domains and ndots, and names what went wrong.
https://c-ares.org/docs/ares_getaddrinfo.html
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from checker.model import Family, Observation, Outcome
from checker.network import FAMILY
from checker.probes.base import settle

if TYPE_CHECKING:
    import pycares

LIMIT = 2.0  # seconds, for all tries at all servers and search domains
_TRY = 1.0  # seconds; the next server of resolv.conf gets the second
_FRESH = 0.05  # seconds: c-ares caches by channel, and an attempt must not get the answer of an earlier one


class Resolver:
    """Looks names up; belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel: pycares.Channel | None = None
        self._since = 0.0
        self._alone = asyncio.Lock()

    async def look_up(self, name: str) -> tuple[list[str], list[Observation]]:
        """Return the IPv4 and IPv6 addresses of a name, and an observation for each family whose lookup failed.

        It is no fault if a name has addresses of one family only.
        """
        answers = await asyncio.gather(*(self._ask(name, family) for family in Family))
        addresses = [address for answer in answers if not isinstance(answer, str) for address in answer]
        found = zip(Family, answers, strict=True)
        # A server that denies the name for one family and has it for the other means "none".
        ignored = (_NXDOMAIN, NO_ADDRESS) if addresses else ()
        faults = {family: answer for family, answer in found if isinstance(answer, str) and answer not in ignored}
        return addresses, [Observation(Outcome.UNRESOLVED, fault, None, family) for family, fault in faults.items()]

    async def _ask(self, name: str, family: Family) -> tuple[str, ...] | str:
        """Return the addresses, or what went wrong.

        An invalid reply fails all that c-ares has sent from the same socket, so each of them is sent again alone.
        """
        try:
            async with asyncio.timeout(LIMIT):
                answer = await self._ask_on(self._fresh(), name, family)
                if answer != _INVALID:
                    return answer
                async with self._alone:
                    with closing(_channel()) as channel:
                        return await self._ask_on(channel, name, family)
        except TimeoutError:
            return f"no answer from the name server in {LIMIT:.1f} s"

    def _ask_on(self, channel: pycares.Channel, name: str, family: Family) -> asyncio.Future[tuple[str, ...] | str]:
        future: asyncio.Future[tuple[str, ...] | str] = self._loop.create_future()

        def answered(result: Any, error: int | None) -> None:  # on the thread of c-ares
            answer = _words(error) if error else tuple(dict.fromkeys(node.addr[0].decode() for node in result.nodes))
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(settle, future, answer)

        channel.getaddrinfo(name, None, family=FAMILY[family], callback=answered)
        return future

    def _fresh(self) -> pycares.Channel:
        now = self._loop.time()
        if self._channel is None or now - self._since > _FRESH:
            if self._channel is not None:
                self._loop.call_later(LIMIT, self._channel.close)  # what is pending on it may still be answered
            self._channel, self._since = _channel(), now
        return self._channel

    def close(self) -> None:
        """Stop all lookups, and the thread of c-ares."""
        if self._channel is not None:
            self._channel.close()


def servers() -> tuple[str, ...]:
    """Return the name servers of this machine. Raises NoResolverConfiguration if resolv.conf(5) has none."""
    import dns.resolver  # noqa: PLC0415 - only a dns target without a server needs it

    return tuple(str(server) for server in dns.resolver.Resolver().nameservers[:3])


def _channel() -> pycares.Channel:
    import pycares  # noqa: PLC0415 - a run without names must not pay for it

    return pycares.Channel(timeout=_TRY, tries=2)


_NXDOMAIN = "NXDOMAIN: there is no such name"
NO_ADDRESS = "the name has no address"
_INVALID = "the name server sent an invalid answer"


def _words(error: int) -> str:
    from pycares import errno  # noqa: PLC0415

    known = {
        errno.ARES_ENOTFOUND: _NXDOMAIN,
        errno.ARES_ENODATA: NO_ADDRESS,
        errno.ARES_EBADRESP: _INVALID,
        errno.ARES_ESERVFAIL: "the name server failed (SERVFAIL)",
        errno.ARES_EREFUSED: "the name server refused (REFUSED)",
        errno.ARES_ECONNREFUSED: "no name server can be reached",
        errno.ARES_ETIMEOUT: "no answer from the name server",
    }
    return known.get(error) or str(errno.strerror(error))
