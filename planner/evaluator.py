"""Find the pods that may send to an endpoint under the policies.

Pods that are alike are one PodClass. A set of classes is an int with one bit for each. So the work grows with the
number of distinct label sets, and a policy is evaluated for all senders at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cache, reduce

from planner.inventory import OUTSIDE, Endpoint, Inventory, Port
from planner.objects import DIRECTIONS, EVERYTHING, Direction, NetworkPolicy, Part, Peer, PolicyPort, Rule

_ALL = -1  # the set of all pods: every bit is set
Parts = tuple[Part, ...]  # of all policies that isolate a pod in one direction; none: it is not isolated


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


def split(sets: Iterable[int], views: Iterable[int]) -> dict[int, int]:
    """Split sets of pods by the sets of senders that they are in, and return each part by its first pod."""
    groups = list(sets)
    for view in sorted(set(views)):
        groups = [part for each in groups for part in (each & view, each & ~view) if part]
    return {next(members(each)): each for each in groups if each}


def evaluators(inventory: Inventory) -> tuple["Evaluator", "Evaluator"]:
    """Return evaluators of what is certainly, and of what is possibly permitted."""
    return Evaluator(inventory, optimistic=False), Evaluator(inventory, optimistic=True)


class Evaluator:
    """Evaluates policies for pod classes, which are known by their index.

    Some facts are unknown, such as the address of a pod that does not run yet. An `optimistic` evaluator assumes that
    they permit a connection, another one that they do not: the truth is between the two results.
    """

    def __init__(self, inventory: Inventory, *, optimistic: bool) -> None:
        self.pods, self._inventory, self._optimistic = list(inventory.pods), inventory, optimistic
        self.peers, self._sources = cache(self._find_peers), cache(self._find_sources)
        self._let_in, self._let_out = cache(self._find_let_in), cache(self._find_let_out)
        self._own_node = cache(self._find_own_node)
        self.within: dict[str, int] = defaultdict(int)  # the classes of each namespace
        for index, pod in enumerate(self.pods):
            self.within[pod.namespace] |= 1 << index
        self.within.pop(OUTSIDE, None)
        self._inside = union(*self.within.values())
        self._on_hosts = set_of(index for index, pod in enumerate(self.pods) if pod.on_host_network)
        self._labels = [dict(pod.labels) for pod in self.pods]
        self.on_ingress, self.on_egress = map(self._isolating, DIRECTIONS)
        self.restricted = set_of(index for index, parts in enumerate(self.on_egress) if parts)
        self._groups: dict[Parts, int] = defaultdict(int)  # senders by what isolates them
        self._isolated_by = defaultdict[Part, set[Parts]](set)  # the groups that a part isolates
        for index, parts in enumerate(self.on_egress):
            self._groups[parts] |= 1 << index
            for part in parts:
                self._isolated_by[part].add(parts)

    def senders(self, to: Iterable[Endpoint], gone: Collection[Part] = ()) -> int:
        """Find the pods that may send to all of the endpoints, or, if optimistic, to any of them.

        `gone` are parts of policies that are taken as removed.
        """
        found = [self.ingress(each, gone) & self.egress(each, gone) & self._inside for each in to]
        return reduce(int.__or__ if self._optimistic else int.__and__, found) if found else 0

    def ingress(self, to: Endpoint, gone: Collection[Part] = ()) -> int:
        """Find the senders that ingress rules permit."""
        return self._let_in(_without(gone, self.on_ingress[to.pod]), to)

    def egress(self, to: Endpoint, gone: Collection[Part] = ()) -> int:
        """Find the senders that egress rules permit."""
        found = self._let_out(to)
        for parts in {each for part in gone for each in self._isolated_by[part]}:
            group = self._groups[parts]
            found = found | group if self._permit(_without(gone, parts), to) else found & ~group
        return found | self._own_node(to.pod)

    def invited(self, to: Endpoint) -> int:
        """Find the senders that a rule with named peers permits, or, in the endpoint's namespace, any rule."""
        isolating = self.on_ingress[to.pod]
        let_in = self._named(isolating, to, specific=True)
        let_out = (pods for parts, pods in self._groups.items() if self._named(parts, to, specific=True) >> to.pod & 1)
        inside = self.within[self.pods[to.pod].namespace] & (_ALL if isolating else self.restricted)
        return self.senders([to]) & union(let_in, *let_out, inside)

    def deciding(self, sender: int, to: Endpoint) -> set[NetworkPolicy]:
        """Return the policies that permit a connection, or, where it is not permitted, those that deny it."""
        isolating, restricting = self.on_ingress[to.pod], self.on_egress[sender]
        let_in, let_out = (bits >> sender & 1 for bits in (self.ingress(to), self.egress(to)))
        if let_in and let_out:
            isolating = tuple(each for each in isolating if self._let_in((each,), to) >> sender & 1)
            restricting = tuple(each for each in restricting if self._permit((each,), to))
        else:
            isolating, restricting = () if let_in else isolating, () if let_out else restricting
        return {policy for policy, _ in isolating + restricting}

    def _isolating(self, direction: Direction) -> list[Parts]:
        """List what isolates each class in a direction."""
        found: list[Parts] = [()] * len(self.pods)
        for each in self._inventory.policies:
            parts, selected = each.parts(direction), Peer(each.spec.pod_selector or EVERYTHING)
            for index in members(self.peers(each.metadata.space, selected)):
                found[index] += parts
        return found

    def _find_let_in(self, isolating: Parts, to: Endpoint) -> int:
        return self._own_node(to.pod) | self._named(isolating, to) if isolating else _ALL

    def _find_let_out(self, to: Endpoint) -> int:
        return union(*(group for parts, group in self._groups.items() if self._permit(parts, to)))

    def _permit(self, restricting: Parts, to: Endpoint) -> bool:
        """Whether all that isolates a sender on egress permits it to send to an endpoint."""
        return not restricting or bool(self._named(restricting, to) >> to.pod & 1)

    def _named(self, parts: Parts, to: Endpoint, *, specific: bool = False) -> int:
        """Find the pods that rules for the port of an endpoint name as peers: all rules, or those with named peers."""
        found, declared = 0, self.pods[to.pod].ports
        for policy, rule in parts:
            if rule is None or (specific and not rule.is_specific):
                continue
            if not rule.ports or any(_matches(each, to, declared) for each in rule.ports):
                found |= self._sources(policy.metadata.space, rule)
        return found

    def _find_sources(self, namespace: str, rule: Rule) -> int:
        """Find the pods that a rule names as peers."""
        return union(*(self.peers(namespace, each) for each in rule.peers)) if rule.peers else _ALL

    def _find_peers(self, namespace: str | None, peer: Peer) -> int:
        """Find the pods that a peer selects, in a policy of a namespace."""
        if peer.ip_block:
            return set_of(i for i, pod in enumerate(self.pods) if (peer.ip_block, self._optimistic) in pod.blocks)
        among = self.within[namespace or ""]
        if peer.namespace_selector:
            labels, selects = self._inventory.namespaces, peer.namespace_selector.selects
            among = union(*(pods for name, pods in self.within.items() if selects(labels.get(name, {}))))
        selector = peer.pod_selector or EVERYTHING
        pods = members(among & ~self._on_hosts)  # most network plugins select no pods on the host network
        return set_of(index for index in pods if selector.selects(self._labels[index]))

    def _find_own_node(self, pod: int) -> int:
        """Find the pods on the same node, if one of both is on the host network: this traffic is always permitted."""
        if self.pods[pod].namespace == OUTSIDE:
            return 0
        others = self._inside if self.pods[pod].on_host_network else self._on_hosts
        return set_of(other for other in members(others) if self._on_same_node(pod, other))

    def _on_same_node(self, pod: int, other: int) -> bool:
        here, there = (self._inventory.nodes.get(each, set()) for each in (pod, other))
        if self._optimistic:
            return not (here and there) or bool(here & there)
        return len(here) == 1 and here == there


def _matches(allowed: PolicyPort, to: Endpoint, declared: frozenset[Port]) -> bool:
    if (allowed.protocol or "TCP") != to.protocol:
        return False
    if isinstance(allowed.port, str):
        return (allowed.port, to.protocol, to.port) in declared
    return allowed.port is None or allowed.port <= to.port <= (allowed.end_port or allowed.port)


def _without(gone: Collection[Part], parts: Parts) -> Parts:
    return tuple(each for each in parts if each not in gone) if gone else parts
