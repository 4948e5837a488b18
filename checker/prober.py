"""One attempt at one check: its name is resolved afresh, and each of its addresses is tried."""

import asyncio
import resource
from collections.abc import Iterable
from dataclasses import replace

from checker import network, resolver
from checker.model import Attempt, Check, Expect, Family, Observation, Outcome
from checker.words import named

_SPARE_FILES = 64  # file descriptors that are not for probes


class Prober:
    """Makes attempts, with at most `files` sockets at once, and `held` that stay open for long.

    It belongs to one event loop. Its times are seconds since it was made.
    """

    def __init__(self, files: int, held: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._resolver = resolver.Resolver()
        self._files, self._held = asyncio.Semaphore(files), asyncio.Semaphore(held)

    def now(self) -> float:
        """Return the seconds since the beginning, to a tenth of a millisecond."""
        return round(self._loop.time() - self._began, 4)

    def close(self) -> None:
        """Close the resolver."""
        self._resolver.close()

    async def attempt(self, check: Check, known: Iterable[str] = (), *, hold: bool = False) -> Attempt:
        """Make one attempt, at the addresses that the name has now, and at those `known`.

        With `hold`, its sockets are those that may stay open for long. It never raises: what a probe raises, whatever
        it is, is an `untestable` observation with the error's name.
        """
        slots = self._held if hold else self._files
        began, host = self.now(), check.target.host
        if not check.target.form.host or (host and (network.is_literal(host) or check.probe.proxy)):
            return await self._try(check, host or "", slots)
        try:
            addresses, others, left_out = await self._addresses(check, known)
        except Exception as error:  # noqa: BLE001
            addresses, others, left_out = [], [_failed(error)], []
        tried = await asyncio.gather(*(self._try(check, address, slots) for address in addresses))
        at = min((attempt.at for attempt in tried), default=began)
        observations = (*(attempt.observations[0] for attempt in tried), *others)
        return Attempt(at, round(self.now() - at, 4), observations, tuple(left_out))

    async def _addresses(self, check: Check, known: Iterable[str]) -> tuple[list[str], list[Observation], list[str]]:
        """Return the addresses to try, observations of what cannot be tried, and the addresses that are left out."""
        host = check.target.host
        found, faults = ([*resolver.servers()], []) if host is None else await self._resolver.look_up(host)
        families = {family for family in Family if network.has_address(family)}
        addresses: list[str] = []
        left_out: list[str] = []
        others: list[Observation] = []
        for address in dict.fromkeys(network.unmapped(each) for each in (*found, *known)):
            family, loopback = network.family_of(address), network.is_loopback(address)
            allowed = host is None or (check.expect is Expect.REACHABLE and not network.is_unspecified(address))
            own = not (allowed or loopback) and network.is_own(address)  # a headless Service may list this pod
            if loopback and not allowed:
                seen = "the name leads to this machine itself, as names do that a name server blocks"
                others.append(Observation(Outcome.UNRESOLVED, seen, address, family))
            elif loopback or (family in families and not own):
                addresses.append(address)
            else:
                left_out.append(address)
        if addresses:  # addresses of a family that this machine lacks do not matter
            others += [fault for fault in faults if fault.family in families]
        elif left_out:
            family = network.family_of(left_out[0])
            lacks = f"this machine has no {family} address"
            seen = "the name leads to this machine itself" if family in families else lacks
            others.append(Observation(Outcome.UNTESTABLE, seen, left_out[0], family))
        elif not others:
            words = (fault.seen for fault in faults if fault.seen != resolver.NO_ADDRESS)
            others.append(Observation(Outcome.UNRESOLVED, next(words, resolver.NO_ADDRESS)))
        return addresses, others, left_out

    async def _try(self, check: Check, address: str, slots: asyncio.Semaphore) -> Attempt:
        """Make an attempt at one address. It begins when its first packet leaves."""
        async with slots:
            at = self.now()
            try:
                observation = await check.probe.attempt(check, address)
            except Exception as error:  # noqa: BLE001
                observation = _failed(error)
        if network.is_literal(address):
            observation = replace(observation, address=address, family=network.family_of(address))
        return Attempt(at, round(self.now() - at, 4), (observation,))


def _failed(error: Exception) -> Observation:
    return Observation(Outcome.UNTESTABLE, f"could not try: {named(error)}")


def open_files(wanted: int) -> int:
    """Raise the limit of open files as far as `wanted` sockets need it; return how many sockets may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted += _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (wanted if soft == resource.RLIM_INFINITY else max(1 + _SPARE_FILES, min(soft, wanted))) - _SPARE_FILES
