"""Find the pods that may send to an endpoint under the policies.

Pods that are alike are one PodClass. A set of classes is an int with one bit for each. So the work grows with the
number of distinct label sets, and a policy is evaluated for all senders at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from ipaddress import ip_network
from typing import NamedTuple

from planner.addresses import Address, covers
from planner.objects import EVERYTHING, Direction, IPBlock, LabelSelector, NetworkPolicy, Peer, PolicyPort, Rule

_ANYWHERE = (ip_network("0.0.0.0/0"),)
Port = tuple[str | None, str, int]  # name, protocol, number
Policies = tuple[NetworkPolicy, ...]
Change = Mapping[NetworkPolicy, NetworkPolicy | None]  # policies and their replacements; None: it is removed


@dataclass(frozen=True, slots=True)
class PodClass:
    """Pods that every policy and Service treats alike: the labels that selectors use, and the declared ports."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    ports: frozenset[Port] = frozenset()
    # The blocks that certainly cover its address, and those that possibly cover it.
    blocks: tuple[frozenset[IPBlock], frozenset[IPBlock]] = (frozenset(), frozenset())
    on_host_network: bool = False
    ready: bool = True


class Endpoint(NamedTuple):
    """Where packets go: a port of a pod class, or of an address outside of the cluster; None is an unknown address."""

    pod: int | None
    address: Address | None
    protocol: str
    port: int


def set_of(indices: Iterable[int]) -> int:
    """Return a set with these members."""
    return sum(1 << index for index in set(indices))


def union(*sets: int) -> int:
    """Return the union of sets."""
    return reduce(int.__or__, sets, 0)


def members(bits: int) -> Iterator[int]:
    """Yield the members of a set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


class Evaluator:
    """Evaluates policies for pod classes, which are known by their index. `nodes` has the nodes of each class.

    Some facts are unknown, such as the address of a pod that does not run yet. An `optimistic` evaluator assumes that
    they permit a connection, another one that they do not: the truth is between the two results.
    """

    def __init__(
        self,
        pods: Sequence[PodClass],
        nodes: Sequence[frozenset[str]],
        policies: Sequence[NetworkPolicy],
        namespaces: Mapping[str, Mapping[str, str]],
        *,
        optimistic: bool,
    ) -> None:
        self.pods, self._nodes, self._namespaces, self._optimistic = pods, nodes, namespaces, optimistic
        self._all = (1 << len(pods)) - 1
        self.within: dict[str, int] = defaultdict(int)  # the classes of each namespace
        for index, pod in enumerate(pods):
            self.within[pod.namespace] |= 1 << index
        self._on_hosts = set_of(index for index, pod in enumerate(pods) if pod.on_host_network)
        self._labels = [dict(pod.labels) for pod in pods]
        self.on_ingress = self._selecting(each for each in policies if each.rules("ingress") is not None)
        self.on_egress = self._selecting(each for each in policies if each.rules("egress") is not None)
        self._groups: dict[Policies, int] = defaultdict(int)  # senders by the policies that isolate them
        self._isolating_with = defaultdict[NetworkPolicy, set[Policies]](set)  # what isolates on egress with a policy
        for index, isolating in enumerate(self.on_egress):
            self._groups[isolating] |= 1 << index
            for each in isolating:
                self._isolating_with[each].add(isolating)
        self.restricted = self._all & ~self._groups[()]  # the classes that a policy isolates on egress
        self.peers, self._sources = cache(self._find_peers), cache(self._find_sources)
        self._let_in, self._let_out = cache(self._find_let_in), cache(self._find_let_out)
        self._own_node = cache(self._find_own_node)

    def isolating(self, to: Endpoint) -> Policies:
        """Return the policies that isolate an endpoint on ingress."""
        return () if to.pod is None else self.on_ingress[to.pod]

    def senders(self, to: Iterable[Endpoint], change: Change | None = None) -> int:
        """Find the pods that may send to all of the endpoints, or, if optimistic, to any of them."""
        found = [self.ingress(each, change) & self.egress(each, change) for each in to]
        return reduce(int.__or__ if self._optimistic else int.__and__, found) if found else 0

    def ingress(self, to: Endpoint, change: Change | None = None) -> int:
        """Find the senders that ingress rules permit."""
        return self._let_in(_after(self.isolating(to), change), to)

    def egress(self, to: Endpoint, change: Change | None = None) -> int:
        """Find the senders that egress rules permit."""
        found = self._let_out(to)
        for policies in {each for changed in change or () for each in self._isolating_with[changed]}:
            found = found & ~self._groups[policies] | self._own_node(to.pod)
            found |= self._groups[policies] if self._permits(_after(policies, change), to) else 0
        return found

    def invited(self, to: Endpoint) -> int:
        """Find the senders that a rule with named peers permits, or, in the endpoint's namespace, any rule."""
        isolating = self.isolating(to)
        inside = 0 if to.pod is None else self.within[self.pods[to.pod].namespace]
        let_in = (sources for rule, sources in self._admitting(isolating, to) if rule.is_specific)
        let_out = (
            group
            for policies, group in self._groups.items()
            if any(rule.is_specific and self._leads(space, rule, to) for space, rule in _rules(policies, "egress"))
        )
        return self.senders([to]) & union(*let_in, *let_out, inside & (-1 if isolating else self.restricted))

    def deciding(self, sender: int, to: Endpoint) -> Policies:
        """Return the policies that permit a connection, or, where it is not permitted, those that deny it."""
        let_in, let_out = (bits >> sender & 1 for bits in (self.ingress(to), self.egress(to)))
        if not (let_in and let_out):
            return (() if let_in else self.isolating(to)) + (() if let_out else self.on_egress[sender])
        permitting = [each for each in self.isolating(to) if self._let_in((each,), to) >> sender & 1]
        return (*permitting, *(each for each in self.on_egress[sender] if self._permits((each,), to)))

    def _selecting(self, policies: Iterable[NetworkPolicy]) -> list[Policies]:
        """List the policies that select each class."""
        found: list[Policies] = [()] * len(self.pods)
        for each in policies:
            for index in members(self._select(self.within[each.metadata.space], each.spec.pod_selector or EVERYTHING)):
                found[index] += (each,)
        return found

    def _find_let_in(self, isolating: Policies, to: Endpoint) -> int:
        if not isolating:
            return self._all
        return union(self._own_node(to.pod), *(sources for _, sources in self._admitting(isolating, to)))

    def _admitting(self, isolating: Policies, to: Endpoint) -> Iterator[tuple[Rule, int]]:
        """Yield the ingress rules that permit an endpoint, each with the pods that it names as peers."""
        rules = _rules(isolating, "ingress")
        return ((rule, self._sources(space, rule)) for space, rule in rules if self._on_port(rule, to))

    def _find_let_out(self, to: Endpoint) -> int:
        found = (group for policies, group in self._groups.items() if self._permits(policies, to))
        return union(self._own_node(to.pod), *found)

    def _permits(self, isolating: Policies, to: Endpoint) -> bool:
        """Whether these policies, all that isolate a sender on egress, permit it to send to an endpoint."""
        return not isolating or any(self._leads(space, rule, to) for space, rule in _rules(isolating, "egress"))

    def _leads(self, namespace: str, rule: Rule, to: Endpoint) -> bool:
        """Whether an egress rule permits an endpoint."""
        if not self._on_port(rule, to):
            return False
        if to.pod is not None:
            return bool(self._sources(namespace, rule) >> to.pod & 1)
        blocks = (covers(each.ip_block, to.address, _ANYWHERE) for each in rule.peers or () if each.ip_block)
        return not rule.peers or any(covered[self._optimistic] for covered in blocks)

    def _on_port(self, rule: Rule, to: Endpoint) -> bool:
        declared = frozenset[Port]() if to.pod is None else self.pods[to.pod].ports
        return not rule.ports or any(_matches(each, to, declared) for each in rule.ports)

    def _find_sources(self, namespace: str, rule: Rule) -> int:
        """Find the pods that a rule names as peers."""
        return union(*(self.peers(namespace, each) for each in rule.peers)) if rule.peers else self._all

    def _find_peers(self, namespace: str | None, peer: Peer) -> int:
        """Find the pods that a peer selects, in a policy of a namespace."""
        if peer.ip_block:
            return set_of(i for i, pod in enumerate(self.pods) if peer.ip_block in pod.blocks[self._optimistic])
        if peer.namespace_selector is None:
            among = self.within[namespace or ""]
        else:
            selects = peer.namespace_selector.selects
            among = union(*(pods for name, pods in self.within.items() if selects(self._namespaces[name])))
        return self._select(among, peer.pod_selector or EVERYTHING)

    def _select(self, among: int, selector: LabelSelector) -> int:
        """Find the classes that a selector selects: none on the host network, as in most network plugins."""
        bits = members(among & ~self._on_hosts)
        return set_of(index for index in bits if selector.selects(self._labels[index]))

    def _find_own_node(self, pod: int | None) -> int:
        """Find the pods on the same node, if one of both is on the host network: this traffic is always permitted."""
        if pod is None:
            return 0
        others = self._all if self.pods[pod].on_host_network else self._on_hosts
        return set_of(other for other in members(others) if self._same_node(self._nodes[pod], self._nodes[other]))

    def _same_node(self, here: frozenset[str], there: frozenset[str]) -> bool:
        if self._optimistic:
            return not (here and there) or bool(here & there)
        return len(here) == 1 and here == there


@cache
def _rules(policies: Policies, direction: Direction) -> list[tuple[str, Rule]]:
    """Return the rules of policies, each with its policy's namespace."""
    return [(each.metadata.space, rule) for each in policies for rule in each.rules(direction) or ()]


def _matches(allowed: PolicyPort, to: Endpoint, declared: frozenset[Port]) -> bool:
    if (allowed.protocol or "TCP") != to.protocol:
        return False
    if isinstance(allowed.port, str):
        return (allowed.port, to.protocol, to.port) in declared
    return allowed.port is None or allowed.port <= to.port <= (allowed.end_port or allowed.port)


def _after(policies: Policies, change: Change | None) -> Policies:
    """Apply a change to policies."""
    if not change or change.keys().isdisjoint(policies):
        return policies
    return tuple(each for old in policies if (each := change.get(old, old)))
