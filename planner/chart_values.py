"""Values of the chart: where their vantages and their control probe from, and the targets on their lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checker.target import identify

DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Place:
    """A vantage or the control of values, and the targets on its lists."""

    name: str
    namespace: str
    labels: dict[str, str]
    allow: list[str]
    deny: list[str]


def read_values(values: Mapping[str, Any], release_namespace: str) -> list[Place]:
    """Read the vantages of values, and the control, as the chart does."""
    base = values.get("namespaceOverride") or release_namespace
    places, allowed, denied = list[Place](), set[str](), dict[str, None]()
    for name, given in (values.get("vantages") or {"netproof": {}}).items():
        own = given or {}
        if _joined("cronjob", values, own).get("suspend"):
            continue
        space = own.get("namespace") or values.get("namespace") or base
        lists, common = _joined("targets", values, own), _joined("commonTargets", values)
        listed = {text_of(each) for key in ("allow", "deny") for each in lists.get(key) or ()}
        allow, deny = (
            [*(lists.get(key) or ()), *(each for each in common.get(key) or () if text_of(each) not in listed)]
            for key in ("allow", "deny")
        )
        if own.get("isolated", values.get("isolated")):
            allow = []
        place = Place(name, space, _joined("podLabels", values, own), [*map(text_of, allow)], [*map(text_of, deny)])
        places.append(place)
        allowed |= {same_target(each, space) for each in place.allow}
        wanted = (each for each in deny if not (isinstance(each, dict) and each.get("control") is False))
        denied |= {same_target(text_of(each), space): None for each in wanted}
    control = values.get("control") or {}
    if control.get("enabled"):
        deny = [text_of(each) for each in _joined("targets", control).get("deny") or ()]
        deny += [each for each in denied if each not in allowed]
        places.append(Place("control", control.get("namespace") or base, control.get("podLabels") or {}, [], deny))
    return places


def _joined(key: str, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """Join the mappings that values have under a key; later ones win."""
    return {name: each for layer in layers for name, each in (layer.get(key) or {}).items()}


def text_of(entry: Any) -> str:
    """Return the target of a list's entry."""
    return str(entry.get("target") if isinstance(entry, dict) else entry)


def same_target(text: str, namespace: str) -> str:
    """Return one text for all spellings of a target."""
    return str(identify(text, namespace, DOMAIN) or text)
