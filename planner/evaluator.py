"""Find who may send to whom under the policies.

Pods that are alike are one PodClass, and a set of classes is an int with a bit for each: the work grows with the
number of distinct label sets, and a policy is evaluated for all senders at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from ipaddress import ip_network
from typing import NamedTuple

from planner.addresses import Address, covers
from planner.objects import IPBlock
from planner.policies import Peer, Policy, Rule
from planner.selectors import Selector, selects


class Senders(NamedTuple):
    """Two sets of pod classes: those that certainly may send, and those that possibly may (the first included)."""

    certain: int
    possible: int

    def __and__(self, other: "Senders") -> "Senders":
        return Senders(self.certain & other.certain, self.possible & other.possible)

    def __or__(self, other: "Senders") -> "Senders":
        return Senders(self.certain | other.certain, self.possible | other.possible)


NOBODY, _ALL = Senders(0, 0), Senders(-1, -1)
_ANYWHERE = (ip_network("0.0.0.0/0"),)


@dataclass(frozen=True, slots=True)
class PodClass:
    """Pods that every policy and Service treats alike: the labels that selectors look at, and what ports are named."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    named_ports: frozenset[tuple[str, str, int]] = frozenset()  # name, protocol, number
    # Those that certainly, and those that possibly cover its address.
    blocks: tuple[frozenset[IPBlock], frozenset[IPBlock]] = (frozenset(), frozenset())
    on_host_network: bool = False
    ready: bool = True


class Endpoint(NamedTuple):
    """Where packets go: a port of a pod class, or of an address outside; None is an unknown address."""

    pod: int | None
    address: Address | None
    protocol: str
    port: int


class Change(NamedTuple):
    """A policy, and what would stand in its place; None: nothing."""

    policy: Policy
    instead: Policy | None


def union(*sets: int) -> int:
    """Join sets."""
    return reduce(int.__or__, sets, 0)


def members(bits: int) -> Iterator[int]:
    """Yield the members of a set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


class Evaluator:
    """Evaluates policies for pod classes, which are known by their index. `nodes` has the nodes of each class."""

    def __init__(
        self,
        pods: Sequence[PodClass],
        nodes: Sequence[frozenset[str]],
        policies: Iterable[Policy],
        namespaces: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.pods, self._nodes, self._namespaces = pods, nodes, namespaces
        everybody = (1 << len(pods)) - 1
        self.everybody = Senders(everybody, everybody)
        self.within: dict[str, int] = defaultdict(int)  # the classes of each namespace
        for index, pod in enumerate(pods):
            self.within[pod.namespace] |= 1 << index
        self._on_hosts = sum(1 << index for index, pod in enumerate(pods) if pod.on_host_network)
        self._labels = [dict(pod.labels) for pod in pods]
        self._peers: dict[Peer, Senders] = {}
        self._rules: dict[Rule, Senders] = {}
        self._let_in: dict[Endpoint, Senders] = {}
        self._let_out: dict[Endpoint, Senders] = {}
        self.on_ingress: list[list[Policy]] = [[] for _ in pods]  # the policies that isolate each class
        self.on_egress: list[list[Policy]] = [[] for _ in pods]
        for each in policies:
            for index in members(self._select(self.within[each.namespace], each.pods)):
                if each.ingress is not None:
                    self.on_ingress[index].append(each)
                if each.egress is not None:
                    self.on_egress[index].append(each)
        self._alike: dict[tuple[Policy, ...], int] = defaultdict(int)  # senders by the policies that isolate them
        for index, isolating in enumerate(self.on_egress):
            self._alike[tuple(isolating)] |= 1 << index
        self.shut_in = everybody & ~self._alike[()]

    def who(self, peer: Peer) -> Senders:
        """Find the pods that a peer stands for."""
        if peer not in self._peers:
            self._peers[peer] = self._by_address(peer.block) if peer.block else self._by_labels(peer)
        return self._peers[peer]

    def isolating(self, to: Endpoint) -> list[Policy]:
        """List the policies that isolate an endpoint against ingress."""
        return [] if to.pod is None else self.on_ingress[to.pod]

    def senders(self, to: Iterable[Endpoint], change: Change | None = None) -> Senders:
        """Find who may send to endpoints: certainly means to all of them, possibly to some."""
        each = [self.ingress(endpoint, change) & self.egress(endpoint, change) for endpoint in to]
        certain = reduce(int.__and__, (one.certain for one in each), self.everybody.certain)
        return Senders(certain, union(*(one.possible for one in each))) if each else NOBODY

    def ingress(self, to: Endpoint, change: Change | None = None) -> Senders:
        """Find who is let in, whether or not the sender is let out."""
        if to.pod is None:
            return self.everybody
        if change and change.policy in self.on_ingress[to.pod]:
            return self._ingress(to, _after(self.on_ingress[to.pod], change))
        if to not in self._let_in:
            self._let_in[to] = self._ingress(to, self.on_ingress[to.pod])
        return self._let_in[to]

    def egress(self, to: Endpoint, change: Change | None = None) -> Senders:
        """Find who is let out, whether or not it is let in."""
        if to not in self._let_out:
            self._let_out[to] = self._egress(to, {policies: policies for policies in self._alike})
        if change and change.policy.egress is not None:
            changed = {each: _after(each, change) for each in self._alike if change.policy in each}
            rest = ~union(*(self._alike[each] for each in changed))
            return self._let_out[to] & Senders(rest, rest) | self._egress(to, changed)
        return self._let_out[to]

    def invited(self, to: Endpoint) -> int:
        """Senders that a rule lets through which names somebody, or any rule in their own namespace."""
        isolating = self.isolating(to)
        inside = 0 if to.pod is None else self.within[self.pods[to.pod].namespace]
        let_in = (self._peers_of(rule).certain for each in isolating for rule in each.ingress or () if rule.is_specific)
        let_out = (
            alike
            for policies, alike in self._alike.items()
            if any(rule.is_specific and self._reaches(rule, to).certain for rule in _egress_rules(policies))
        )
        named = union(*let_in, *let_out) | inside & (self.everybody.certain if isolating else self.shut_in)
        return self.senders([to]).certain & named

    def deciding(self, sender: int, to: Endpoint) -> list[Policy]:
        """List the policies that let a sender through to an endpoint, or else those that keep it out."""
        isolating = self.isolating(to)
        if not self.senders([to]).possible >> sender & 1:
            found = [] if self.ingress(to).possible >> sender & 1 else isolating
            return found if self.egress(to).possible >> sender & 1 else [*found, *self.on_egress[sender]]
        let_in = [each for each in isolating if self._ingress(to, [each]).possible >> sender & 1]
        return let_in + [
            each
            for each in self.on_egress[sender]
            if any(self._reaches(rule, to).possible for rule in each.egress or ())
        ]

    def _ingress(self, to: Endpoint, isolating: Sequence[Policy]) -> Senders:
        if to.pod is None or not isolating:
            return self.everybody
        rules = (rule for each in isolating for rule in each.ingress or () if self._on_port(rule, to))
        return reduce(Senders.__or__, map(self._peers_of, rules), self._own_node(to.pod))

    def _egress(self, to: Endpoint, groups: Mapping[tuple[Policy, ...], Sequence[Policy]]) -> Senders:
        found = self._own_node(to.pod) if to.pod is not None and self.pods[to.pod].on_host_network else NOBODY
        for policies, isolating in groups.items():
            alike = Senders(self._alike[policies], self._alike[policies])
            reached = (self._reaches(rule, to) for rule in _egress_rules(isolating))
            found |= alike & reduce(Senders.__or__, reached, NOBODY) if isolating else alike
        return found

    def _reaches(self, rule: Rule, to: Endpoint) -> Senders:
        """Find out whether an egress rule lets its senders out to an endpoint: all of them (-1), or none."""
        if not self._on_port(rule, to):
            return NOBODY
        if not rule.peers:
            return _ALL
        if to.pod is not None:
            peers = self._peers_of(rule)
            return Senders(-(peers.certain >> to.pod & 1), -(peers.possible >> to.pod & 1))
        covered = [covers(each.block, to.address, _ANYWHERE) for each in rule.peers if each.block]
        return Senders(-any(certain for certain, _ in covered), -any(possible for _, possible in covered))

    def _on_port(self, rule: Rule, to: Endpoint) -> bool:
        for ports in rule.ports:
            if (ports.protocol or "TCP") != to.protocol:
                continue
            if isinstance(ports.port, str):
                named = () if to.pod is None else self.pods[to.pod].named_ports
                if (ports.port, to.protocol, to.port) in named:
                    return True
            elif ports.port is None or ports.port <= to.port <= (ports.end_port or ports.port):
                return True
        return not rule.ports

    def _peers_of(self, rule: Rule) -> Senders:
        """Find who the peers of a rule are."""
        if rule not in self._rules:
            peers = map(self.who, rule.peers) if rule.peers else [self.everybody]
            self._rules[rule] = reduce(Senders.__or__, peers)
        return self._rules[rule]

    def _by_address(self, block: IPBlock) -> Senders:
        certain, possible = (
            sum(1 << index for index, pod in enumerate(self.pods) if block in pod.blocks[sure]) for sure in (0, 1)
        )
        return Senders(certain, possible)

    def _by_labels(self, peer: Peer) -> Senders:
        names = [name for name in self.within if selects(peer.namespaces, self._namespaces[name])]
        among = union(*(self.within[name] for name in ([peer.namespace] if peer.namespace else names)))
        found = self._select(among, peer.pods)
        return Senders(found, found)

    def _select(self, among: int, selector: Selector) -> int:
        """Find the classes that a selector selects. It does not see pods on the host network, as in most plugins."""
        bits = among & ~self._on_hosts
        if not selector:
            return bits
        return sum(1 << index for index in members(bits) if selects(selector, self._labels[index]))

    def _own_node(self, pod: int) -> Senders:
        """Find the pods on the host network of the same node: between a pod and its own node, traffic always passes."""
        here, found = self._nodes[pod], NOBODY
        for other in members(self.everybody.certain if self.pods[pod].on_host_network else self._on_hosts):
            there, bit = self._nodes[other], 1 << other
            same, apart = len(here) == 1 and here == there, bool(here and there) and not here & there
            found |= Senders(bit * same, bit * (not apart))
        return found


def _egress_rules(policies: Iterable[Policy]) -> Iterator[Rule]:
    return (rule for each in policies for rule in each.egress or ())


def _after(policies: Iterable[Policy], change: Change) -> list[Policy]:
    """Apply a change to policies."""
    changed = (change.instead if each is change.policy else each for each in policies)
    return [each for each in changed if each is not None]
