"""The targets that each vantage must reach, and those that it must not, by the policies as they are."""

from collections import Counter, defaultdict
from functools import partial, reduce

from checker.target import bracketed
from planner.evaluator import evaluators, members, set_of, split, union
from planner.inventory import METADATA, Destination, Inventory


class Lists:
    """The lists of all vantages. A vantage is known by the index of its pod, and represents a group of pods."""

    def __init__(self, inventory: Inventory, max_denials: int) -> None:
        self.inventory, self._max_denials = inventory, max_denials
        self.certain, self.possible = evaluators(inventory)
        # Other policies apply to these pods: what they may reach is unknown.
        others = (self.possible.peers(each.metadata.namespace, each.selected) for each in inventory.others)
        unknown = set(members(union(*others)))
        tcp = (each for each in inventory.destinations if each.protocol == "TCP" and each.ready)
        self._targets = [each for each in tcp if unknown.isdisjoint(to.pod for to in each.backends)]
        ends = [*self._targets, *inventory.outside]
        self.reached = {each: self.certain.senders(each.backends) for each in ends}
        self.maybe_reached = {each: self.possible.senders(each.backends) for each in ends}
        self.resolving = self.certain.senders(inventory.dns)  # those that can resolve names
        probing = set_of(inventory.origins.keys() - unknown)
        views = (*self.reached.values(), *self.maybe_reached.values(), self.resolving)
        self.groups = split((pods & probing for pods in self.certain.within.values()), views)
        self.vantages = set_of(self.groups)
        # By vantage: targets as they are written for it.
        self.allow: dict[int, dict[str, Destination]] = defaultdict(dict)
        self.deny: dict[int, dict[str, Destination]] = defaultdict(dict)
        self._used = self._full = 0  # vantages with targets, and those with as many denials as they may have
        self.unnamed: set[str] = set()  # targets that could not be listed
        self._allow()
        self._deny_by_ingress()
        self._deny_by_egress()
        ranked = {index: sorted(denied.items(), key=partial(self._rank, index)) for index, denied in self.deny.items()}
        self.left_out = {index: len(denied[max_denials:]) for index, denied in ranked.items()}
        self.deny = {index: dict(denied[:max_denials]) for index, denied in ranked.items()}
        self.control, self.up = self._choose_control()  # a vantage, and the targets that are shown to be up

    def text(self, index: int, to: Destination) -> str | None:
        """Write a target for a vantage: by name, or by address if it cannot resolve names."""
        if to.service and self.resolving >> index & 1:
            return str(to)
        return f"{bracketed(to.address)}:{to.port}" if to.address else None

    def _allow(self) -> None:
        """Allow what policies permit by name. What is open to all pods may be open by accident."""
        for each in self._targets:
            invited = reduce(int.__and__, map(self.certain.invited, each.backends))
            for index in members(invited & self.reached[each] & self.vantages):
                self._add(self.allow, index, each)

    def _deny_by_ingress(self) -> None:
        """Deny each isolated Service to one vantage of its namespace, and to one of another."""
        real = set_of(index for index, origin in self.inventory.origins.items() if origin.workloads)
        for each in self._targets:
            if not any(self.certain.on_ingress[to.pod] for to in each.backends):
                continue
            let_out = reduce(int.__and__, map(self.certain.egress, each.backends))
            here = self.certain.within[each.namespace]
            for there in (here, ~here):
                kept_out = there & ~self.maybe_reached[each] & self.vantages & ~self._full
                preferred = (kept_out & liked for liked in (let_out & self._used, let_out & real, let_out, -1))
                if chosen := next(filter(None, preferred), 0):
                    self._add(self.deny, next(members(chosen)), each)

    def _deny_by_egress(self) -> None:
        """Deny to each vantage with restricted egress a Service of its namespace, one of another, and the outside."""
        for index in members(self.vantages & self.certain.restricted):
            own, chosen = self.certain.pods[index].namespace, dict[object, Destination]()
            for each, senders in self.maybe_reached.items():
                if not senders >> index & 1 and all(self.certain.ingress(to) >> index & 1 for to in each.backends):
                    chosen.setdefault(each if each in self.inventory.outside else each.namespace == own, each)
            for each in chosen.values():
                self._add(self.deny, index, each)

    def _add(self, lists: dict[int, dict[str, Destination]], index: int, to: Destination) -> None:
        if text := self.text(index, to):
            lists[index][text] = to
            self._used |= 1 << index
            self._full |= (len(self.deny.get(index, ())) >= self._max_denials) << index
        else:
            self.unnamed.add(str(to))

    def _rank(self, index: int, denial: tuple[str, Destination]) -> tuple[int, bool, str]:
        """Return a sort key for a denial: first those that would detect the removal of most policies."""
        text, to = denial
        isolating = self.certain.on_egress[index] + sum((self.certain.on_ingress[end.pod] for end in to.backends), ())
        policies = {policy for policy, _ in isolating}
        detected = sum(self.certain.senders(to.backends, each.parts()) >> index & 1 for each in policies)
        return -detected, to.address == METADATA, text

    def _choose_control(self) -> tuple[int | None, set[str]]:
        """Choose the vantage that reaches most of the targets that are only denied.

        Return also the targets that it or another vantage shows to be up.
        """
        up = {text for allowed in self.allow.values() for text in allowed}
        denied = {text: to for _, listed in sorted(self.deny.items()) for text, to in listed.items()}
        unproven = {text: to for text, to in denied.items() if text not in up and to.address != METADATA}
        by_name = {text: self.resolving if text == str(to) else -1 for text, to in unproven.items()}
        reaching = {text: self.reached[to] & self.vantages & by_name[text] for text, to in unproven.items()}
        counts = Counter(index for senders in reaching.values() for index in members(senders))
        control = min(counts, key=lambda index: (-counts[index], index), default=None)
        for text, senders in reaching.items():
            if control is not None and senders >> control & 1:
                up.add(text)
            elif senders:  # another vantage shows it
                index = next(members(senders & self._used or senders))
                if self.text(index, unproven[text]) == text:
                    self._add(self.allow, index, unproven[text])
                    up.add(text)
        return control, up
