"""A suggestion merged into values that a person has edited: their words stay, and what is new or wrong is marked."""

import io
import re
from copy import deepcopy
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from planner.checks import Checks
from planner.inventory import Inventory
from planner.suggestion import Suggestion, write
from planner.values import joined, lists, read_values, same_target

_MARK = "suggest:"


def merge_into(text: str, suggestion: Suggestion, inventory: Inventory, namespace: str) -> str:
    """Add what is new, mark what is new, gone or contradicted, and keep everything else."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    kept = yaml.load(re.sub(rf"^ *# {_MARK}.*\n", "", text, flags=re.MULTILINE)) or CommentedMap()
    kept.fa.set_block_style()
    if all(each is None for each in (kept.get("vantages") or {}).values()):
        own = {key: kept.pop(key) for key in ("podLabels", "isolated", "targets") if key in kept}
        if own:  # of the only vantage: beside others, it needs a name
            _at(kept, "vantages", "netproof").update(own)
    _add(kept, YAML(typ="safe").load(write(suggestion)), suggestion, namespace)
    _mark_wrong(kept, Checks(inventory, read_values(kept, namespace)))
    out = io.StringIO()
    yaml.dump(kept, out)
    return out.getvalue()


def _add(kept: Any, fresh: Any, suggestion: Suggestion, namespace: str) -> None:
    """Add the vantages, entries and the control that values lack, from a suggestion and its values."""
    known = [each for each in read_values(kept, namespace) if each.name != "control"]
    vantages = _at(kept, "vantages")
    for vantage in suggestion.vantages:
        new, space = fresh["vantages"][vantage.name], vantage.origin.namespace
        name = next((each.name for each in known if each.origin[:2] == vantage.origin[:2]), vantage.name)
        own = vantages.get(name)
        if own is None:
            shared = dict.fromkeys(kept.get("podLabels") or ())  # null removes what it would have from all vantages
            vantages[name] = {**new, "podLabels": {**shared, **new["podLabels"]}}
            _mark(vantages, name, "new", 2)
            continue
        keys = ("deny",) if own.get("isolated", kept.get("isolated")) else ("allow", "deny")
        checked = (lists("targets", kept, own), lists("commonTargets", kept))
        listed = {same_target(each.target, space) for key in keys for found in checked for each in found[key]}
        for key in keys:
            for entry in new["targets"][key]:
                if same_target(entry["target"], space) not in listed:
                    targets = _at(vantages, name, "targets")
                    inherited = joined("targets", kept, own).get(key) or ()
                    targets[key] = targets.get(key) or CommentedSeq(deepcopy(inherited))
                    targets[key].append(entry)
                    _mark(targets[key], len(targets[key]) - 1, "new", 8)
    if "control" not in kept and "control" in fresh:
        kept["control"] = fresh["control"]
        _mark(kept, "control", "new", 0)


def _mark_wrong(kept: Any, checks: Checks) -> None:
    """Mark entries that name no Service or port, and those that the policies contradict."""
    for check in checks.all:
        wrong = check.to and checks.sees(check) == {{"allow": "shut", "deny": "open"}[check.list]}
        if check.vantage.name == "control" or (check.to and not wrong):
            continue
        what = "contradicted: policies say otherwise" if wrong else "gone: no such Service or port"
        for index, each in enumerate(lists("targets", kept["vantages"][check.vantage.name])[check.list]):
            if each.target == check.text:
                _mark(_at(kept, "vantages", check.vantage.name, "targets")[check.list], index, what, 8)


def _at(values: Any, *keys: str) -> Any:
    """Return the mapping under a path of keys, in block style. It may be missing, null, or in flow style."""
    for key in keys:
        if not values.get(key):
            values[key] = CommentedMap()
        values = values[key]
        values.fa.set_block_style()
    return values


def _mark(parent: Any, key: Any, what: str, indent: int) -> None:
    """Put a comment before an entry, which takes a line of its own: within braces it may get lost."""
    parent.fa.set_block_style()
    parent.yaml_set_comment_before_after_key(key, before=f"{_MARK} {what}", indent=indent)
