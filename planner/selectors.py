"""Label selectors, hashable: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""

from collections.abc import Iterable, Mapping

from planner.objects import LabelSelector

# Requirements that must all hold: key, operator, values. None of them: everything is selected.
Selector = tuple[tuple[str, str, frozenset[str]], ...]


def compiled(selector: LabelSelector | None) -> Selector:
    """Make one list of requirements of `matchLabels` and `matchExpressions`."""
    given = selector or LabelSelector()
    labels = ((key, "In", frozenset([value])) for key, value in (given.match_labels or {}).items())
    expressions = ((each.key, each.operator, frozenset(each.values or ())) for each in given.match_expressions or ())
    return tuple(sorted({*labels, *expressions}, key=lambda each: (each[0], each[1], sorted(each[2]))))


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold. `NotIn` holds where the label is missing, too."""
    return all(
        (labels.get(key) in values if values else key in labels) == (operator in ("In", "Exists"))
        for key, operator, values in selector
    )


def keys(selectors: Iterable[Selector]) -> frozenset[str]:
    """All label keys that selectors look at."""
    return frozenset(key for selector in selectors for key, _, _ in selector)
