"""Label selectors, hashable: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planner.objects import LabelSelector

# Requirements that must all hold: key, operator, values. None of them: everything is selected.
Selector = tuple[tuple[str, str, frozenset[str]], ...]


def compiled(selector: LabelSelector) -> Selector:
    """Make one list of requirements of `matchLabels` and `matchExpressions`."""
    labels = ((key, "In", frozenset([value])) for key, value in (selector.match_labels or {}).items())
    expressions = ((each.key, each.operator, frozenset(each.values or ())) for each in selector.match_expressions or ())
    return tuple(sorted({*labels, *expressions}, key=lambda each: (each[0], each[1], sorted(each[2]))))


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold. `NotIn` holds where the label is missing, too."""
    for key, operator, values in selector:
        match operator:
            case "In":
                holds = labels.get(key) in values
            case "NotIn":
                holds = labels.get(key) not in values
            case "Exists":
                holds = key in labels
            case _:  # DoesNotExist
                holds = key not in labels
        if not holds:
            return False
    return True


def keys(selectors: Iterable[Selector]) -> frozenset[str]:
    """All label keys that selectors look at."""
    return frozenset(key for selector in selectors for key, _, _ in selector)
