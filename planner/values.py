"""Values of the chart: their vantages and their control."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checker.target import identify
from planner.inventory import Origin

DOMAIN = "cluster.local"
_PLAIN = re.compile(r"(?i)(?!(true|false|yes|no|on|off|null|y|n)$)[a-z]([a-z0-9./@_-]|:(?=\S)| (?=[a-z]))*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One target on a list. `control` is false if the control shall not check that a denied target is up."""

    target: str
    because: str = ""
    control: bool = True

    @property
    def on_network(self) -> bool:
        """Whether policies can decide it: not that of a sandbox check or a command."""
        return not self.target.lower().startswith(("sandbox://", "command://"))


@dataclass(frozen=True, slots=True)
class Vantage:
    """Where to probe from, with the workloads that it represents, and its lists."""

    name: str
    origin: Origin
    allow: list[Entry]
    deny: list[Entry]
    left_out: int = 0  # denials over the limit of a suggestion


def read_values(values: Mapping[str, Any], release_namespace: str) -> list[Vantage]:
    """Read the vantages of values, and the control, as the chart does."""
    base = values.get("namespaceOverride") or release_namespace
    vantages, denied = list[Vantage](), dict[str, None]()
    named = {name: own for name, own in (values.get("vantages") or {}).items() if own is not None}
    for name, own in (named or {"netproof": {}}).items():
        if False in (values.get("enabled"), own.get("enabled")):
            continue
        space = own.get("namespace") or base
        targets, common = lists("targets", values, own), lists("commonTargets", values)
        listed = {each.target for entries in targets.values() for each in entries}
        allow, deny = ([*targets[key], *(each for each in common[key] if each.target not in listed)] for key in targets)
        if own.get("isolated", values.get("isolated")):
            allow = []
        denied |= {same_target(each.target, space): None for each in deny if each.control and each.on_network}
        if not joined("cronjob", values, own).get("suspend"):
            vantages.append(Vantage(name, Origin(space, joined("podLabels", values, own)), allow, deny))
    control = values.get("control") or {}
    if control.get("enabled"):
        origin = Origin(control.get("namespace") or base, joined("podLabels", control))
        deny = [*lists("targets", control)["deny"], *map(Entry, denied)]
        vantages.append(Vantage("control", origin, [], deny))
    return vantages


def joined(key: str, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """Join the mappings that values have under a key; later ones win, and null removes."""
    found = {name: each for layer in layers for name, each in (layer.get(key) or {}).items()}
    return {name: each for name, each in found.items() if each is not None}


def lists(key: str, *layers: Mapping[str, Any]) -> dict[str, list[Entry]]:
    """Read the allow list and the deny list under a key."""
    found = joined(key, *layers)
    return {name: [*map(_entry, found.get(name) or ())] for name in ("allow", "deny")}


def _entry(given: Any) -> Entry:
    if not isinstance(given, dict):
        return Entry(str(given))
    target = str(given.get("target") or f"command://{given.get('name')}")
    return Entry(target, given.get("because") or "", given.get("control") is not False)


def same_target(text: str, namespace: str) -> str:
    """Return one text for all spellings of a target."""
    return str(identify(text, namespace, DOMAIN) or text)


def scalar(text: str) -> str:
    """Write text as YAML, in quotes where it could be read as something else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
