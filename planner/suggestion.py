"""Which vantages to probe from, and what each must and must not reach, by the policies as they are."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from ipaddress import ip_address
from itertools import chain, count
from typing import NamedTuple

from planner.evaluator import Change, Endpoint, PodClass, Senders, members, union
from planner.reachability import Destination, Inventory
from planner.selectors import keys, selects

_METADATA = ("169.254.169.254", 80)
DNS = "dns://kubernetes.default.svc.cluster.local"
# No place for applications, nor for probes, unless somebody wrote policies there.
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
# What the pod of a vantage wears besides: the chart's own labels, and those of its Job.
_WORN = dict.fromkeys(
    [f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")]
    + [f"{prefix}{key}" for prefix in ("", "batch.kubernetes.io/") for key in ("job-name", "controller-uid")],
    "netproof",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One target on a list. `control` is false where nothing shows that a denied target is alive."""

    target: str
    because: str
    control: bool = True


@dataclass(slots=True)
class Vantage:
    """A place to probe from, the workloads that it stands for, and its lists."""

    name: str
    namespace: str
    labels: dict[str, str]
    workloads: tuple[str, ...] = ()
    allow: list[Entry] = field(default_factory=list)
    deny: list[Entry] = field(default_factory=list)
    left_out: int = 0  # denials over the limit


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The vantages, the control where one is needed, and what a person must know."""

    vantages: tuple[Vantage, ...]
    control: Vantage | None
    notes: tuple[str, ...]


def probe(inventory: Inventory, namespace: str, labels: dict[str, str]) -> PodClass:
    """Make the pod of a vantage."""
    return inventory.probe(namespace, {**_WORN, **labels})


def outside(inventory: Inventory) -> Iterator[tuple[Destination, str]]:
    """Yield what no Pod stands for and applications should rarely reach, each with a word for people."""
    if inventory.api_server:
        address = inventory.api_server.spec.cluster_ip
        # Policies may see the Service's port or the server's own: when addresses are rewritten is left open.
        to = tuple(Endpoint(None, None, "TCP", port) for port in (443, 6443))
        yield Destination("default", "kubernetes", "TCP", 443, address, to, ready=True), "the API server"
    for place, port, what in ((inventory.node, 10250, "a node's kubelet"), ("169.254.169.254", 80, "cloud metadata")):
        if place:
            to = (Endpoint(None, ip_address(place), "TCP", port),)
            yield Destination("", "", "TCP", port, place, to, ready=True), what


def suggest(inventory: Inventory, max_denials: int) -> Suggestion:
    """Choose vantages and their lists, at most so many denials in each."""
    return _Planner(inventory, max_denials).suggestion()


class _Planner:
    """The steps from an inventory to a suggestion. A vantage is known by the index of its pod."""

    def __init__(self, inventory: Inventory, max_denials: int) -> None:
        self.inventory, self.max_denials = inventory, max_denials
        self.places = dict(enumerate(places(inventory), len(inventory.pods)))
        probes = [probe(inventory, each.namespace, each.labels) for each in self.places.values()]
        self.evaluator = evaluator = inventory.evaluator(probes)
        others = union(*(evaluator.who(each.subject).possible for each in inventory.others))
        self.targets = [
            each
            for each in inventory.destinations
            if each.protocol == "TCP" and each.ready and not any(others >> to.pod & 1 for to in each.backends)  # type: ignore[operator]
        ]
        self.outside = dict(outside(inventory))
        self.senders = {each: evaluator.senders(each.backends) for each in (*self.targets, *self.outside)}
        self.resolving = evaluator.senders(inventory.dns).certain
        probing = union(*(1 << index for index in self.places)) & ~others
        views = [*self.senders.values(), Senders(self.resolving, self.resolving)]
        self.merged = merge((bits & probing for bits in evaluator.within.values()), views)
        self.vantages = sum(1 << index for index in self.merged)
        self.allow: dict[int, list[Destination]] = defaultdict(list)
        self.deny: dict[int, list[Destination]] = defaultdict(list)
        self.used = self.full = 0  # vantages with entries, with as many denials as they may have
        self.unnamed: set[str] = set()
        selectors = {each.pods for each in inventory.policies}
        selectors |= {peer.pods for each in inventory.policies for rule in each.rules for peer in rule.peers}
        self.looking_at = {key: [each for each in selectors if key in keys([each])] for key in inventory.policy_keys}

    def suggestion(self) -> Suggestion:
        """Take all steps."""
        self._allow()
        self._deny_by_ingress()
        self._deny_by_egress()
        for index, denied in self.deny.items():
            denied.sort(key=lambda to: (-self._proves(index, to), to.port == _METADATA[1], self._text(index, to)))
        left_out = {index: denied[self.max_denials :] for index, denied in self.deny.items()}
        self.deny = {index: denied[: self.max_denials] for index, denied in self.deny.items()}
        control, alive = self._control()
        names = self._names()
        vantages = tuple(
            self._vantage(index, names[index], alive, len(left_out.get(index, ())))
            for index in sorted({*self.allow, *self.deny})
        )
        shows = None if control is None else self._vantage(control, "control", alive, 0)
        return Suggestion(vantages, shows, tuple(self._notes(vantages)))

    def _allow(self) -> None:
        """Allow what policies let through by name; what they leave open was nobody's decision."""
        for each in self.targets:
            invited = reduce(int.__and__, (self.evaluator.invited(to) for to in each.backends))
            for index in members(invited & self.senders[each].certain & self.vantages):
                self._add(self.allow, index, each)

    def _deny_by_ingress(self) -> None:
        """Deny each isolated Service to one vantage of its namespace, and to one of another."""
        imagined = union(*(1 << index for index, place in self.places.items() if not place.workloads))
        for each in self.targets:
            if not any(self.evaluator.isolating(to) for to in each.backends):
                continue
            let_out = reduce(int.__and__, (self.evaluator.egress(to).certain for to in each.backends))
            here = self.evaluator.within[each.namespace]
            for there in (here, ~here):
                kept_out = there & ~self.senders[each].possible & self.vantages & ~self.full
                for liked in (let_out & self.used, let_out & ~imagined, let_out, -1):
                    if kept_out & liked:
                        self._add(self.deny, next(members(kept_out & liked)), each)
                        break

    def _deny_by_egress(self) -> None:
        """Deny to each vantage that is shut in one Service of its namespace, one of another, and what is outside."""
        for index in members(self.vantages & self.evaluator.shut_in):
            namespace = self.evaluator.pods[index].namespace
            kept_in = [
                each
                for each in self.targets
                if not self.senders[each].possible >> index & 1
                and all(self.evaluator.ingress(to).certain >> index & 1 for to in each.backends)
            ]
            here = [each for each in kept_in if each.namespace == namespace]
            there = [each for each in kept_in if each.namespace != namespace]
            for each in (*here[:1], *there[:1], *self.outside):
                if not self.senders[each].possible >> index & 1 and each not in self.deny[index]:
                    self._add(self.deny, index, each)

    def _add(self, entries: dict[int, list[Destination]], index: int, to: Destination) -> None:
        if self._text(index, to) is None:
            self.unnamed.add(str(to))
        else:
            entries[index].append(to)
            self.used |= 1 << index
            self.full |= (len(self.deny.get(index, ())) >= self.max_denials) << index

    def _text(self, index: int, to: Destination) -> str | None:
        """Write a target for a vantage: by name, or by address where it cannot resolve names."""
        by_name = to.service and self.resolving >> index & 1
        return str(to) if by_name else f"{to.address}:{to.port}" if to.address else None

    def _proves(self, index: int, to: Destination) -> int:
        """Count the policies whose removal a denial would notice."""
        isolating = {
            each for end in to.backends for each in (*self.evaluator.isolating(end), *self.evaluator.on_egress[index])
        }
        without = (self.evaluator.senders(to.backends, Change(each, None)) for each in isolating)
        return sum(senders.certain >> index & 1 for senders in without)

    def _control(self) -> tuple[int | None, set[str]]:
        """Choose the pod that reaches most of what only denials name; return it, and all targets that are alive."""
        alive = {str(self._text(index, to)) for index, allowed in self.allow.items() for to in allowed}
        dead = {
            text: to
            for index, denied in sorted(self.deny.items())
            for to in denied
            if (text := str(self._text(index, to))) not in alive and to.address != _METADATA[0]
        }
        reaching = {
            text: self.senders[to].certain
            & self.vantages
            & (-1 if text.startswith(f"{to.address}:") else self.resolving)
            for text, to in dead.items()
        }
        counts = Counter(index for senders in reaching.values() for index in members(senders))
        control = min(counts, key=lambda index: (-counts[index], index), default=None)
        for text, senders in reaching.items():
            if control is not None and senders >> control & 1:
                alive.add(text)
            elif senders:  # one more vantage shows it
                index = next(members(senders & self.used or senders))
                if self._text(index, dead[text]) == text:
                    self._add(self.allow, index, dead[text])
                    alive.add(text)
        return control, alive

    def _vantage(self, index: int, name: str, alive: set[str], left_out: int) -> Vantage:
        place = self.places[index]
        workloads = sorted({each for one in members(self.merged[index]) for each in self.places[one].workloads})
        vantage = Vantage(name, place.namespace, self._fewest(place.labels), tuple(workloads))
        if name == "control":
            return vantage
        for to in sorted(self.allow.get(index, ()), key=lambda to: (to.namespace, to.service, to.port)):
            vantage.allow.append(Entry(str(self._text(index, to)), f"allowed by {self._deciding(index, to)}"))
        if self.resolving >> index & 1:
            vantage.allow.insert(0, Entry(DNS, "names must resolve"))
        for to in self.deny.get(index, ()):
            text, what = str(self._text(index, to)), self.outside.get(to)
            about = what or ("" if text.startswith(to.host) else to.host)
            because = f"{about}{': ' if about else ''}not allowed by {self._deciding(index, to)}"
            vantage.deny.append(Entry(text, because, text in alive))
        vantage.left_out = left_out
        return vantage

    def _deciding(self, index: int, to: Destination) -> str:
        policies = sorted({str(each) for end in to.backends for each in self.evaluator.deciding(index, end)})
        return f"NetworkPolicy {', '.join(policies)}"[:900] if policies else "the absence of a policy"

    def _fewest(self, labels: dict[str, str]) -> dict[str, str]:
        """Leave out labels that change nothing for any policy: Services and others select by labels, too."""
        for key in sorted(labels):
            rest = {each: value for each, value in labels.items() if each != key}
            if all(
                selects(each, {**_WORN, **rest}) == selects(each, {**_WORN, **labels}) for each in self.looking_at[key]
            ):
                labels = rest
        return labels

    def _names(self) -> dict[int, str]:
        """Name vantages after their namespace and first workload."""
        names: dict[int, str] = {}
        for index in members(self.vantages):
            place = self.places[index]
            name = (place.workloads[0] if place.workloads else "/other").partition("/")[2]
            base = re.sub("[^a-z0-9-]", "-", f"{place.namespace}-{name}")[:58].rstrip("-")
            taken = chain([base], (f"{base}-{number}" for number in count(2)))
            names[index] = next(each for each in taken if each not in names.values())
        return names

    def _notes(self, vantages: tuple[Vantage, ...]) -> Iterator[str]:
        """Say what the lists do not show."""
        for each in self.inventory.others:
            yield f"{each.name} is not evaluated: nothing is suggested for the pods that it selects."
        destinations, dns = self.inventory.destinations, set(self.inventory.dns)
        partly = [to for to, found in self.senders.items() if found.possible & ~found.certain & self.vantages]
        named = {to.pod for each in destinations for to in each.backends}
        alone = [each for each in self.inventory.workloads.values() if not each.pods & named]
        lists = {
            "Only partly reachable, so on no list": [str(to) for to in partly if to.service],
            "Without a ready pod, so on no list": [str(to) for to in destinations if not to.ready],
            "Not TCP, so on no list (a check needs a payload that the server answers)": [
                f"{to}/{to.protocol}"
                for to in destinations
                if to.protocol != "TCP" and not dns.intersection(to.backends)
            ],
            "Isolated, but behind no Service, so that no check can name them": [
                str(each) for each in alone if any(self.evaluator.on_ingress[pod] for pod in each.pods)
            ],
            "Not named in a list of a vantage that cannot resolve names, since they have no fixed address": [
                *sorted(self.unnamed)
            ],
            "Nothing shows that these are up, so their denials stay unproven": sorted(
                {entry.target for each in vantages for entry in each.deny if not entry.control}
            ),
        }
        for what, found in lists.items():
            if found:
                rest = f" and {len(found) - 10} more" if len(found) > 10 else ""
                yield f"{what}: {', '.join(found[:10])}{rest}."


def merge(pods: Iterable[int], views: Iterable[Senders]) -> dict[int, int]:
    """Keep together the pods that are in the same sets of senders; return each group by its first pod."""
    groups = list(pods)
    for bits in sorted({bits for each in views for bits in each}):
        groups = [part for each in groups for part in (each & bits, each & ~bits) if part]
    return {next(members(each)): each for each in groups if each}


class Origin(NamedTuple):
    """A place to probe from: labels in a namespace, and the workloads that have them; without any, any other pod."""

    namespace: str
    labels: dict[str, str]
    workloads: tuple[str, ...]


def places(inventory: Inventory) -> list[Origin]:
    """List the places to probe from. Each namespace has one more, without workloads."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = defaultdict(set)
    pods = list(inventory.pods)
    left_out = set(_SYSTEM) - {each.namespace for each in inventory.policies}
    for each in inventory.workloads.values():
        for pod in (pods[index] for index in each.pods if not pods[index].on_host_network):
            if pod.namespace not in left_out:
                labels = frozenset((key, value) for key, value in pod.labels if key in inventory.policy_keys)
                found[pod.namespace, labels].add(each.name)
                found.setdefault((pod.namespace, frozenset()), set())
    listed = [Origin(space, dict(sorted(labels)), tuple(sorted(names))) for (space, labels), names in found.items()]
    return sorted(
        listed, key=lambda place: (place.namespace, not place.workloads, place.workloads, [*place.labels.items()])
    )
