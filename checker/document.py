"""YAML as plain values, each with the line it stands on; every mistake in it is kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_MOST_VALUES = 200_000  # aliases of aliases grow without end
_DEEPEST = 20
_LONGEST = 100_000  # characters of a value

Path_ = tuple[str | int, ...]


@dataclass
class Document:
    """A file's values, the line of each by its path of keys and indices, and what was wrong with them."""

    file: str
    values: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    wrong: set[Path_] = field(default_factory=set)  # the paths of the mistakes
    around: set[Path_] = field(default_factory=set)  # the paths of all that a mistake is a part of

    def where(self, path: Path_ = ()) -> str:
        """Write the place of a value as `file:line`; that of the nearest one around it where it has none itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines.get(path, 1)}"

    def place(self, path: Path_) -> str:
        """Write the place of a value as `file:line: deny[3].timeout`."""
        return f"{self.where(path)}: {spelled(path)}" if path else self.where(path)

    def mistake(self, path: Path_, what: str) -> None:
        """Keep a mistake, as `file:line: deny[3].tiemout: what`."""
        self.mistakes.append(f"{self.place(path)}: {what}")
        self.wrong.add(path)
        self.around |= {path[:depth] for depth in range(len(path))}

    def faulty(self, path: Path_) -> bool:
        """Whether a value, or any part of it, is a mistake."""
        return path in self.wrong or path in self.around

    def valid(self, values: dict[str, Any], path: Path_) -> dict[str, Any]:
        """Return a mapping without those keys, and keys of its mappings, that are empty or a mistake."""
        found: dict[str, Any] = {}
        for key, value in values.items():
            place = (*path, key)
            if isinstance(value, dict) and place not in self.wrong:
                found[key] = self.valid(value, place)
            elif value is not None and not self.faulty(place):
                found[key] = value
        return found


def spelled(path: Path_) -> str:
    """Write a path of keys and indices as people do: `deny[3].timeout`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def read(file: str, content: str) -> Document:
    """Read YAML as plain values: mappings with string keys, lists, and the scalars of YAML 1.2.

    https://yaml.org/spec/1.2.2/#103-core-schema - unlike PyYAML's own YAML 1.1, `on` is a word and 12:30 no number.
    """
    events = yaml.parse(content, yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)
    document = Document(file)
    try:
        _Reader(document, map(_bounded, events)).only()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        what = ", ".join(filter(None, (error.context, error.problem)))
        document.mistakes = [f"{file}:{mark.line + 1 if mark else 1}: invalid YAML: {what}"]
    except yaml.YAMLError as error:
        document.mistakes = [f"{file}:1: invalid YAML: {str(error).splitlines()[0]}"]
    except _TooMuchError as error:
        document.mistakes = [f"{file}:{error}"]
    return document


class _TooMuchError(Exception):
    """The line, and the limit."""


class _Reader:
    """Makes values of the parser's events, not of its nodes: those are made by a recursion in C that nothing bounds."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document, self.events, self.count = document, events, 0
        self.anchors: dict[str, tuple[Any, int]] = {}  # what an alias stands for, and how many values that is

    def only(self) -> None:
        """Read the one document of a file."""
        for event in self.events:
            if isinstance(event, yaml.NodeEvent):
                if self.count:
                    self.document.mistakes.append(f"{self.document.file}:{_line(event)}: a second document begins here")
                    return
                self.document.values = self.value(event, ())

    def value(self, event: Any, path: Path_) -> Any:
        """Read the value that an event begins. Raises _TooMuchError."""
        self.document.lines.setdefault(path, _line(event))
        alias = isinstance(event, yaml.AliasEvent)
        value, size = self.anchors.get(event.anchor, (None, 1)) if alias else (None, 1)
        before = self.count
        self.count += size
        if self.count > _MOST_VALUES:
            raise _TooMuchError(f"{_line(event)}: more than {_MOST_VALUES:,} values, those of aliases included")
        if len(path) > _DEEPEST:
            raise _TooMuchError(f"{_line(event)}: nested deeper than {_DEEPEST} levels")
        if alias:
            if event.anchor not in self.anchors:
                self.document.mistake(path, f"there is no anchor &{event.anchor} before this alias")
            return value
        value = self.content(event, path)
        if event.tag not in _TAGS:
            self.document.mistake(path, f"the tag {event.tag} is not supported: write a plain value")
            value = None
        if event.anchor:
            self.anchors[event.anchor] = value, self.count - before
        return value

    def content(self, event: Any, path: Path_) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            found: list[Any] = []
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                found.append(self.value(item, (*path, len(found))))
            return found
        return event.value if event.style or event.tag else scalar(event.value)

    def mapping(self, path: Path_) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                self.document.mistake(path, "a key must be a plain word")
                self.value(key, path)
                self.value(next(self.events), path)
                continue
            place = (*path, key.value)
            first = self.document.lines.get(place)
            self.document.lines[place] = _line(key)
            value = self.value(next(self.events), place)
            if key.value in values:
                self.document.mistake(place, f"is a duplicate key, first in line {first}")
            else:
                values[key.value] = value
        return values


def _bounded(event: Any) -> Any:
    if isinstance(event, yaml.ScalarEvent) and len(event.value) > _LONGEST:
        raise _TooMuchError(f"{_line(event)}: a value longer than {_LONGEST:,} characters")
    return event


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(word: str) -> Any:
    """Read a plain scalar by YAML's core schema."""
    if word in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word
