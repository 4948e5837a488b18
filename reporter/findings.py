"""Findings: each joins the checks of one target that do not pass, at any number of vantages."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reporter.history import SEVERITY, Check, Episode, Vantage


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding about one target, seen from any number of vantages, or about a vantage itself."""

    kind: str
    checks: Sequence[Check]  # those that still have it come first
    episodes: set[Episode]

    @property
    def check(self) -> Check:
        """One of the checks: what it is about is the same for all."""
        return self.checks[0]

    @property
    def lasting(self) -> set[Episode]:
        """Where it has not ended; if it has ended everywhere, all."""
        return {each for each in self.episodes if not each.until} or self.episodes

    @property
    def since(self) -> int:
        """When it began, where it lasts."""
        return min(each.since for each in self.lasting)

    @property
    def ended(self) -> int:
        """When it ended; 0: it has not."""
        return max(each.until for each in self.lasting)

    @property
    def gone(self) -> bool:
        """Whether it ended because nothing checks it any more."""
        return all(each.gone for each in self.episodes if each.until == self.ended)

    @property
    def evidence(self) -> str:
        """What is seen, or what is or was wrong with the vantage."""
        return "" if self.ended and self.check.list else self.check.seen

    @property
    def seen_from(self) -> list[tuple[str, str]]:
        """Where it is seen, or was when it has ended: namespaces and names of vantages."""
        places = sorted({each.place for each in self.lasting})
        return [(namespace, name) for namespace, _, name in (place.split("/", 2) for place in places)]


def findings(vantages: Iterable[Vantage]) -> dict[str, Finding]:
    """Group what the checks of vantages found, the most severe first.

    A leak at one vantage and an inconclusive check at another are two findings.
    """
    groups = defaultdict[tuple[str, str], list[Check]](list)
    for vantage in vantages:
        for check in (vantage.itself, *vantage.checks.values()):
            for kind in check.findings:
                groups[kind, check.about].append(check)
    found = {}
    for (kind, about), checks in groups.items():
        checks.sort(key=lambda check: bool(check.findings[kind].until))
        found[f"{kind} {about}"] = Finding(kind, checks, {check.findings[kind] for check in checks})
    return dict(sorted(found.items(), key=lambda item: (-SEVERITY[item[1].kind], item[1].since, item[0])))
