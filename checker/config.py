"""Reads lists and settings as a plan. All mistakes are reported at once, each with its place."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from checker import source
from checker.model import Check, Expect, Plan, Vantage
from checker.probes import KINDS
from checker.target import Target, TargetError, identity, parse
from checker.words import near_miss, seconds

LISTS = ("allow", "deny")
YAML = "netproof.yaml"
MOST_TARGETS = 20_000
_FILES = (YAML, *(f"{name}.lst" for name in LISTS))
_LIKE_OURS = re.compile(r"netproof\.ya?ml|(allow|deny|denied).*|.*\.lst", re.IGNORECASE)
_PASSWORD = re.compile("[^/]*:[^/]*@")
_ONLY_ON = {"every": "allow", "attempts": "deny", "closed": "deny", "control": "deny"}
_READ: Mapping[str, Callable[[Any], Any]] = {"timeout": seconds, "controls": tuple}  # from plain values


class ConfigError(Exception):
    """An invalid configuration: its mistakes, each with its place."""

    def __init__(self, mistakes: Sequence[str], notify: Mapping[str, Any] | None = None) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)
        self.notify = notify or {}  # as far as it is valid: the channels are notified of a broken configuration, too


def load(
    paths: Sequence[Path],
    notify_shape: Callable[[], type[Any]],
    allow: Sequence[str] = (),
    deny: Sequence[str] = (),
    **settings: Any,
) -> Plan:
    """Read files and folders into one plan. Raises ConfigError with all the mistakes in them.

    `notify_shape` returns the type that the `notify` section must have; it belongs to the notifications. The other
    arguments come from the command line: more targets, and settings (of Plan) that replace those of the files.
    """
    loader = _Loader(notify_shape)
    for path in paths:
        loader.read(path)
    for name, targets in zip(LISTS, (allow, deny), strict=True):
        for each in targets:
            loader.add(name, each, f"--{name} {_PASSWORD.sub('', each)}")
    return loader.plan(settings)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A check as it was written."""

    list: str
    keys: Mapping[str, Any]  # the valid ones, `target` among them
    place: Callable[..., str]  # writes the place of the entry, or of one of its keys
    wrong: bool = False  # it has mistakes already, so mistakes that may follow from them are not reported


class _Loader:
    def __init__(self, notify_shape: Callable[[], type[Any]]) -> None:
        self.notify_shape = notify_shape
        self.entries: list[_Entry] = []
        self.settings: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        self.mistakes: list[str] = []
        self.warnings: list[str] = []

    def add(self, name: str, target: str, where: str) -> None:
        """Add a target without settings to a list."""
        self.entries.append(_Entry(name, {"target": target}, lambda *_, **__: where))

    def read(self, path: Path) -> None:
        """Read a file, or those files of a folder that have the right names."""
        try:
            if path.is_dir():
                self.read_folder(path, {each.name for each in path.iterdir()})
            else:
                self.read_file(path)
        except OSError as error:
            self.mistakes.append(f"{path}: cannot be read: {error.strerror}")
        except ValueError as error:
            self.mistakes.append(f"{path}: {error}")

    def read_folder(self, path: Path, names: set[str]) -> None:
        others = [name for name in names if _LIKE_OURS.fullmatch(name) and name not in _FILES]
        hints = [f"{path / name}: is not read; {near_miss(name, _FILES)}" for name in others]
        if names.isdisjoint(_FILES):
            self.mistakes += hints or [f"{path}: holds neither {YAML} nor allow.lst nor deny.lst"]
        else:
            self.warnings += hints
        for name in _FILES:
            if name in names:
                self.read(path / name)

    def read_file(self, file: Path) -> None:
        """Raise ValueError for a file that cannot be used."""
        content = source.text(file)
        source.line_ends(content)
        if file.suffix != ".lst":
            self.read_yaml(str(file), content)
            return
        if file.stem not in LISTS:
            raise ValueError("which list is it? Name it allow.lst or deny.lst")
        found = list(source.lst(content))
        if not found:
            raise ValueError("holds no target; add one, or delete the file")
        for line, target in found:
            self.add(file.stem, target, f"{file}:{line}")

    def read_yaml(self, file: str, content: str) -> None:
        from checker.document import Document  # noqa: PLC0415 - two lists do without
        from checker.schema import configuration, given, validate  # noqa: PLC0415

        document = Document(file, content)
        written = {} if document.values is None else document.values
        values = given(validate(document, written, configuration(self.notify_shape()))) or {}
        for name in LISTS:
            for index, each in enumerate(values.pop(name, ())):
                path, keys = (name, index), {"target": each} if isinstance(each, str) else each or {}
                if "command" in keys and "name" in keys:
                    keys = {"target": f"command://{keys['name']}", **keys}
                if "target" in keys:
                    self.entries.append(_Entry(name, keys, partial(document.place, *path), path in document.faulty))
                elif path not in document.faulty:
                    missing = "`name`" if "command" in keys else "`target`, or `command` and `name`,"
                    document.mistake(path, f"{missing} is missing")
        for key, value in values.items():
            if key in self.settings:
                document.mistake((key,), f"is set already, in {self.places[key]}")
            self.settings[key], self.places[key] = value, document.place(key, key=False)
        self.mistakes += document.mistakes

    def plan(self, overrides: dict[str, Any]) -> Plan:
        """Make the plan of all that was read. Raises ConfigError."""
        vantage = self.vantage()
        if len(self.entries) > MOST_TARGETS:
            self.mistakes.append(f"{len(self.entries):,} targets are too many: at most {MOST_TARGETS:,} in one run")
            self.entries.clear()
        checks = self.checks(vantage)
        if not self.mistakes:
            self.rules(checks, vantage)
        if self.mistakes:
            raise ConfigError(self.mistakes, self.settings.get("notify"))
        values: dict[str, Any] = {key: self.settings[key] for key in ("concurrency", "notify") if key in self.settings}
        values |= {key: seconds(str(self.settings[key])) for key in ("settle", "deadline") if key in self.settings}
        return Plan(tuple(checks), vantage, **(values | overrides), warnings=tuple(self.warnings))

    def vantage(self) -> Vantage:
        here = {key: os.environ.get(f"NETPROOF_{key.upper()}") for key in ("namespace", "node")}
        given = {key: value for key, value in self.settings.get("vantage", {}).items() if value}
        given |= {key: self.settings[key] for key in ("role", "isolated") if key in self.settings}
        return Vantage(**(here | given))

    def checks(self, vantage: Vantage) -> list[Check]:
        """Make a check of each entry. A control gets one for all that lead to the same place."""
        checks: dict[Any, Check] = {}
        for entry in sorted(self.entries, key=lambda entry: entry.list):
            try:
                target = parse(entry.keys["target"])
            except TargetError as error:
                self.mistakes.append(f"{entry.place('target')}: {error}")
                continue
            if vantage.control and KINDS[target.kind].own:
                continue
            check = self.check(entry, target, control=vantage.control)
            if vantage.control and entry.list == "deny":  # many vantages deny it, and have several names for it
                place = identity(target, vantage.namespace, "cluster.local")
                checks.setdefault((check.expect, place, place.kind == "tcp" or repr(check.probe)), check)
                continue
            first = checks.setdefault((entry.list, target), check)
            if first is not check:
                where = f"is on the {entry.list} list already, in {first.where}"
                self.mistakes.append(f"{entry.place()}: {target} {where}")
            elif entry.list == "deny" and (allowed := checks.get(("allow", target))):
                self.warnings.append(f"{target} is on both lists: allow ({allowed.where}), deny ({check.where})")
        return list(checks.values())

    def check(self, entry: _Entry, target: Target, *, control: bool) -> Check:
        kind, before = KINDS[target.kind], len(self.mistakes)
        probe, settings = {}, dict(self.settings.get("defaults", {}))
        for key, value in entry.keys.items():
            kinds = [name for name, each in KINDS.items() if key in each.__dataclass_fields__]
            if target.kind in kinds:
                probe[key] = value
            elif kinds:
                what = f"is a setting of {' and '.join(kinds)} targets, and this one is {target.kind}"
                self.mistakes.append(f"{entry.place(key)}: {what}")
            elif _ONLY_ON.get(key, entry.list) != entry.list:
                self.mistakes.append(f"{entry.place(key)}: is a setting of the {_ONLY_ON[key]} list")
            elif key != "target":
                settings[key] = value
        settings |= {key: read(settings[key]) for key, read in _READ.items() if key in settings}
        denied = Expect.ALIVE if control and settings.get("control", True) else Expect.BLOCKED
        expect = Expect.REACHABLE if entry.list == "allow" else denied
        check = Check(expect, target, kind(**probe), entry.place(key=False), **settings)
        if not entry.wrong and len(self.mistakes) == before and (mistake := check.probe.mistake(check)):
            self.mistakes.append(f"{entry.place(mistake[0])}: {mistake[1]}")
        return check

    def rules(self, checks: Sequence[Check], vantage: Vantage) -> None:
        """Find what is wrong with the lists as a whole."""
        lists = {check.list for check in checks if not check.probe.own}
        isolated = f"{self.places.get('isolated')}: isolated:"
        if not checks:
            self.mistakes.append("there is nothing to check: give an allow list and a deny list")
        elif all(check.list == "allow" for check in checks):
            self.warnings.append("the deny list is empty: this run tests no isolation")
        if vantage.isolated and vantage.control:
            self.mistakes.append(f"{isolated} a control cannot be isolated: it must reach the denied targets")
        if vantage.isolated and "allow" in lists:
            self.mistakes.append(f"{isolated} an isolated vantage must not have an allow list")
        if lists == {"deny"} and not (vantage.isolated or vantage.control):
            self.mistakes.append(
                "a deny list without an allow list proves nothing: a machine without a network passes it, too. "
                "Allow a target that must be reachable, or set `isolated: true`"
            )
