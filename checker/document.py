"""YAML as plain values, each with the line it stands on, and the mistakes in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import yaml

_MOST_VALUES = 200_000  # aliases count as what they stand for: aliases of aliases grow without end
_DEEPEST = 20
_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

Keys = tuple[str | int, ...]


@dataclass
class Document:
    """A file's values, the line of each by its path of keys and indices, and the mistakes in them."""

    file: str
    values: Any = None
    lines: dict[Keys, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    faulty: set[Keys] = field(default_factory=set)  # the paths of the mistakes, and of all that contains one

    def where(self, path: Keys = ()) -> str:
        """Write the place of a value as `file:line`."""
        return f"{self.file}:{self.lines.get(self._known(path), 1)}"

    def place(self, *path: str | int) -> str:
        """Write the place of a value as `file:line: deny[3].timeout`."""
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self._known(path)).lstrip(".")
        return f"{self.where(path)}: {keys}" if keys else self.where(path)

    def _known(self, path: Keys) -> Keys:
        """Return the path of a value, or of the nearest one around it where the file does not hold it."""
        while path and path not in self.lines:
            path = path[:-1]
        return path

    def mistake(self, path: Keys, what: str) -> None:
        """Keep a mistake, as `file:line: deny[3].tiemout: what`."""
        self.mistakes.append(f"{self.place(*path)}: {what}")
        self.faulty |= {path[:depth] for depth in range(len(path) + 1)}


def read(file: str, content: str) -> Document:
    """Read YAML as plain values: mappings with string keys, lists, and the scalars of YAML 1.2.

    https://yaml.org/spec/1.2.2/#103-core-schema - unlike in PyYAML's own YAML 1.1, `on` is a word and 12:30 no number.
    """
    document = Document(file)
    try:
        _Reader(document, content).read()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = ", ".join(filter(None, (error.context, error.problem)))
        document.mistakes = [f"{file}:{line}: cannot be read as YAML: {what}"]
    except yaml.YAMLError as error:
        document.mistakes = [f"{file}:1: cannot be read as YAML: {str(error).splitlines()[0]}"]
    return document


class _Reader:
    """Makes values of the parser's events. PyYAML's own nodes would be made by a recursion in C without a limit."""

    def __init__(self, document: Document, content: str) -> None:
        self.document, self.count = document, 0
        loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        self.events: Iterator[Any] = yaml.parse(content, loader)
        self.anchors: dict[str, tuple[Any, int]] = {}  # each with its value, and how many values that contains

    def read(self) -> None:
        """Read the only document of a file. Raises YAMLError, as all methods do."""
        for event in self.events:
            if isinstance(event, yaml.NodeEvent):
                if self.count:
                    raise _error(event, "a second document begins here")
                self.document.values = self.value(event, ())

    def value(self, event: Any, path: Keys) -> Any:
        """Read the value that an event begins."""
        self.document.lines.setdefault(path, _line(event))
        before = self.count
        self.count += 1
        if len(path) > _DEEPEST:
            raise _error(event, f"nested deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise _error(event, f"there is no anchor &{event.anchor} before this alias")
            value, size = self.anchors[event.anchor]
            self.count += size
        elif event.tag not in _TAGS:
            raise _error(event, f"the tag {event.tag} is not supported: write a plain value")
        elif isinstance(event, yaml.MappingStartEvent):
            value = self.mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = [self.value(item, (*path, index)) for index, item in enumerate(self.until(yaml.SequenceEndEvent))]
        else:
            value = scalar(event.value) if event.implicit[0] else event.value
        if self.count > _MOST_VALUES:
            raise _error(event, f"more than {_MOST_VALUES:,} values, those of aliases included")
        if event.anchor:
            self.anchors[event.anchor] = value, self.count - before
        return value

    def mapping(self, path: Keys) -> dict[str, Any]:
        """Read a mapping. The first of duplicate keys counts."""
        values: dict[str, Any] = {}
        for key in self.until(yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise _error(key, "a key must be a plain word")
            place = (*path, key.value)
            if place in self.document.lines:
                self.document.mistake(place, f"is a duplicate key, again in line {_line(key)}")
            self.document.lines.setdefault(place, _line(key))
            values.setdefault(key.value, self.value(next(self.events), place))
        return values

    def until(self, end: type[yaml.Event]) -> Iterator[Any]:
        return takewhile(lambda event: not isinstance(event, end), self.events)


def _error(event: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def scalar(word: str) -> Any:
    """Read a plain scalar by YAML's core schema."""
    if word in _NULL:
        return None
    if word in _BOOL:
        return _BOOL[word]
    if _INT.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word
