"""Lists and settings become a plan; every mistake is told at once, with its place."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from checker import source
from checker.model import Check, Expect, Plan, Vantage
from checker.probes import KINDS, parse
from checker.target import Target, TargetError
from checker.words import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from checker.document import Document, Path_
    from checker.model import Settings

LISTS = ("allow", "deny")
YAML = "netproof.yaml"
_ONLY_ON = {"every": "allow", "closed": "deny", "control": "deny"}


class ConfigError(Exception):
    """What is asked for cannot be meant: the mistakes, each told with its place."""

    def __init__(self, mistakes: Sequence[str], notify: Mapping[str, Any] | None = None) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)
        self.notify = notify or {}  # as far as it could be read: a broken configuration is told to the channels, too


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says: targets beside those of the files, settings instead of theirs."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # settle, deadline (seconds), concurrency


def load(paths: Sequence[Path], overrides: Overrides, notify_shape: Callable[[], type[Any]]) -> Plan:
    """Read files and folders into one plan. Raises ConfigError with everything that is wrong with them.

    `notify_shape` gives the type that the `notify` section must have; it belongs to the notifications.
    """
    loader = _Loader(notify_shape)
    for path in paths:
        loader.read(path)
    for name, targets in zip(LISTS, (overrides.allow, overrides.deny), strict=True):
        loader.entries += [_Entry(name, target, f"--{name} {target}") for target in targets]
    return loader.plan(overrides.settings)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A check as it was written, and the document it was written in where there is one."""

    list: str
    target: str
    where: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    document: Document | None = None
    path: Path_ = ()

    @property
    def spoilt(self) -> bool:
        """Whether something is wrong with its keys already: what only follows from that is not worth a line."""
        return self.document is not None and self.path in self.document.wrong

    def place(self, key: str) -> str:
        """Tell where the entry, or one of its keys, stands."""
        if self.document is None:
            return self.where
        spot = (*self.path, key)
        return self.document.place(spot if spot in self.document.lines else self.path)


class _Loader:
    def __init__(self, notify_shape: Callable[[], type[Any]]) -> None:
        self.notify_shape = notify_shape
        self.entries: list[_Entry] = []
        self.settings: dict[str, Any] = {}
        self.places: dict[str, str] = {}
        self.mistakes: list[str] = []
        self.warnings: list[str] = []

    def read(self, path: Path) -> None:
        if path.is_dir():
            files = [path / name for name in (YAML, "allow.lst", "deny.lst") if (path / name).exists()]
            if not files:
                self.mistakes.append(f"{path}: holds neither {YAML} nor allow.lst nor deny.lst")
        else:
            files = [path]
        for file in files:
            try:
                content = source.text(file)
            except ValueError as error:
                self.mistakes.append(f"{file}: {error}")
                continue
            if file.suffix != ".lst":
                self.read_yaml(str(file), content)
            elif file.stem in LISTS:
                self.entries += [_Entry(file.stem, text, f"{file}:{line}") for line, text in source.lst(content)]
            else:
                self.mistakes.append(f"{file}: which list is it? Name it allow.lst or deny.lst")

    def read_yaml(self, file: str, content: str) -> None:
        from checker.document import read  # noqa: PLC0415 - two lists do without
        from checker.schema import Configuration, validate  # noqa: PLC0415

        document = read(file, content)
        values = {} if document.values is None else document.values
        if not document.mistakes or values:
            validate(document, values, Configuration)
        values = values if isinstance(values, dict) else {}
        if isinstance(values.get("notify"), dict):
            validate(document, values["notify"], self.notify_shape(), ("notify",))
        for name in LISTS:
            entries = values.get(name)
            for index, each in enumerate(entries if isinstance(entries, list) else ()):
                self.read_entry(document, (name, index), each if isinstance(each, dict) else {"target": each})
        for key in values.keys() - set(LISTS):
            if key in self.settings:
                document.mistake((key,), f"is said already, in {self.places[key]}")
            elif values[key] is not None:
                self.settings[key], self.places[key] = values[key], document.where((key,))
        self.mistakes += document.mistakes

    def read_entry(self, document: Document, path: Path_, keys: Mapping[str, Any]) -> None:
        target, name = keys.get("target"), keys.get("name")
        if target is None and keys.get("command") is not None:
            target = f"command://{name}" if name is not None else None
        if target is None and path not in document.wrong:
            missing = "`target`, or `command` and `name`," if keys.get("command") is None else "`name`"
            document.mistake(path, f"{missing} is missing")
        elif isinstance(target, str) and target:
            self.entries.append(_Entry(str(path[0]), target, document.where(path), keys, document, path))

    def plan(self, overrides: Mapping[str, Any]) -> Plan:
        """Make the plan of all that was read."""
        defaults = self.settings.get("defaults")
        self.defaults = defaults if isinstance(defaults, dict) else {}
        self.control = self.settings.get("role") == "control"
        vantage, vouched = self.vantage()
        checks = self.checks(vouched)
        self.lists_make_sense(checks, isolated=vantage.isolated)
        values: dict[str, Any] = {}
        for key, least in (("settle", 0.0), ("deadline", 0.001)):
            if key in self.settings:
                values[key] = self.duration(self.settings[key], f"{self.places[key]}: {key}", least)
        if "concurrency" in self.settings:
            values["concurrency"] = self.settings["concurrency"]
        notify = self.settings.get("notify")
        if self.mistakes:
            raise ConfigError(self.mistakes, notify if isinstance(notify, dict) else None)
        values |= overrides
        return Plan(tuple(checks), vantage, **values, notify=notify or {}, warnings=tuple(self.warnings))

    def vantage(self) -> tuple[Vantage, dict[Target, str]]:
        said = self.settings.get("vantage")
        said = dict(said) if isinstance(said, dict) else {}
        vouched: dict[Target, str] = {}
        given = said.pop("vouchedBy", None)
        for text, who in given.items() if isinstance(given, dict) else ():
            try:
                vouched[parse(text)] = who
            except TargetError as error:
                self.mistakes.append(f"{self.places['vantage']}: vantage.vouchedBy.{text}: {error}")
        named = {key: said.get(key) or os.environ.get(f"NETPROOF_{key.upper()}") for key in ("namespace", "node")}
        named |= {key: said.get(key) for key in ("name", "cluster")}
        isolated = self.settings.get("isolated") is True
        return Vantage(**named, labels=said.get("labels") or {}, control=self.control, isolated=isolated), vouched

    def checks(self, vouched: Mapping[Target, str]) -> list[Check]:
        checks: dict[tuple[str, Target], Check] = {}
        for entry in sorted(self.entries, key=lambda entry: entry.list):
            try:
                target = parse(entry.target)
            except TargetError as error:
                self.mistakes.append(f"{entry.place('target')}: {error}")
                continue
            if self.control and KINDS[target.kind].own:
                continue
            first = checks.get((entry.list, target))
            if first is None:
                checks[entry.list, target] = self.check(entry, target, vouched.get(target))
            elif not self.control:  # a control reads the lists of many
                what = f"{target} stands on the {entry.list} list already, in {first.where}"
                self.mistakes.append(f"{entry.place('')}: {what}")
        for name, target in checks:
            if name == "deny" and ("allow", target) in checks and not self.control:
                both = checks["allow", target].where, checks["deny", target].where
                self.warnings.append(f"the lists disagree about {target}: allow ({both[0]}) and deny ({both[1]})")
        return list(checks.values())

    def check(self, entry: _Entry, target: Target, vouched_by: str | None) -> Check:
        kind, keys = KINDS[target.kind], {key: value for key, value in entry.keys.items() if value is not None}
        before = len(self.mistakes)
        for key in keys:
            if _ONLY_ON.get(key, entry.list) != entry.list:
                self.mistakes.append(f"{entry.place(key)}: is a setting of the {_ONLY_ON[key]} list")
        timeout = self.duration(keys.get("timeout", self.defaults.get("timeout", "3s")), entry.place("timeout"), 0.001)
        denied = Expect.ALIVE if self.control and keys.get("control", True) else Expect.BLOCKED
        check = Check(
            expect=Expect.REACHABLE if entry.list == "allow" else denied,
            target=target,
            settings=self.kind_settings(entry, target, keys),
            where=entry.where,
            name=keys.get("name"),
            because=keys.get("because"),
            timeout=timeout,
            closed_passes=keys.get("closed", self.defaults.get("closed")) == "pass",
            every=keys.get("every", False),
            control=keys.get("control", True),
            vouched_by=vouched_by,
        )
        if not entry.spoilt and len(self.mistakes) == before and (mistake := kind.mistake(check, check.settings)):
            self.mistakes.append(f"{entry.place(mistake[0])}: {mistake[1]}")
        return check

    def kind_settings(self, entry: _Entry, target: Target, keys: Mapping[str, Any]) -> Settings:
        """Make the settings that the target's kind has; keys of other kinds are mistakes."""
        shape: type[Settings] = KINDS[target.kind].settings
        if len(keys) < 2:
            return shape()
        import msgspec  # noqa: PLC0415 - two lists do without

        from checker.schema import key_of_kind  # noqa: PLC0415

        for key in keys:
            if what := key_of_kind(key, target.kind):
                self.mistakes.append(f"{entry.place(key)}: {what}")
        own = {each.name: keys[each.name] for each in fields(shape) if each.name in keys}
        try:
            return msgspec.convert(own, shape)
        except msgspec.ValidationError:  # told with its place already
            return shape()

    def lists_make_sense(self, checks: Sequence[Check], *, isolated: bool) -> None:
        of_the_network = [check for check in checks if not KINDS[check.target.kind].own]
        allow, deny = (any(check.list == name for check in of_the_network) for name in LISTS)
        if self.mistakes:
            return
        if not checks:
            self.mistakes.append("there is nothing to check: give an allow list and a deny list")
        if isolated and self.control:
            self.mistakes.append(f"{self.places['isolated']}: isolated: a control must reach what it vouches for")
        if isolated and allow:
            self.mistakes.append(f"{self.places['isolated']}: isolated: what reaches nothing has no allow list")
        if deny and not allow and not isolated and not self.control:
            self.mistakes.append(
                "a deny list without an allow list proves nothing: a machine without a network passes it, too. "
                "Allow a target that must be reachable, or say `isolated: true`"
            )

    def duration(self, value: Any, place: str, least: float) -> float:
        try:
            found = seconds(str(value))
        except ValueError:
            return least  # told with its place already
        if found < least:
            self.mistakes.append(f"{place}: found {value}; it must be longer than 0")
        return found
