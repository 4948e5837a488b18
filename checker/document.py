"""Reads YAML as plain values, with the line of each, and collects the mistakes in them."""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import yaml

_MOST_VALUES = 200_000  # an alias counts as the values that it repeats: aliases of aliases grow exponentially
_DEEPEST = 20
_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

Keys = tuple[str | int, ...]


class Document:
    """A YAML file's plain values, the line of each by its path of keys and indices, and the mistakes in them.

    The values are mappings with string keys, lists, and the scalars of YAML 1.2: unlike in PyYAML's own YAML 1.1, `on`
    is a word and 12:30 no number (https://yaml.org/spec/1.2.2/#103-core-schema). They are made of the parser's events:
    PyYAML's own nodes would be made by a recursion in C without a limit.
    """

    def __init__(self, file: str, content: str) -> None:
        self.file, self.values = file, None
        self.mistakes: list[str] = []
        self.faulty: set[Keys] = set()  # the paths of the mistakes, and of all that contains one
        self._lines: dict[Keys, int] = {}
        self._count = 0  # of the values so far
        self._anchors: dict[str, tuple[Any, int]] = {}  # each with its value, and how many values that contains
        self._events: Iterator[Any] = yaml.parse(
            content, yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
        )
        try:
            for event in self._events:
                if isinstance(event, yaml.NodeEvent):
                    if self._count:
                        raise _error(event, "a second document begins here")
                    self.values = self._value(event, ())
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            what = ", ".join(filter(None, (error.context, error.problem)))
            self.mistakes = [f"{file}:{line}: cannot be read as YAML: {what}"]
        except yaml.YAMLError as error:
            self.mistakes = [f"{file}:1: cannot be read as YAML: {str(error).splitlines()[0]}"]

    def place(self, *path: str | int, key: bool = True) -> str:
        """Write the place of a value, or of the nearest one around it, as `file:line: deny[3].timeout`, or without."""
        while path and path not in self._lines:
            path = path[:-1]
        where = f"{self.file}:{self._lines.get(path, 1)}"
        keys = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".")
        return f"{where}: {keys}" if keys and key else where

    def mistake(self, path: Keys, what: str) -> None:
        """Keep a mistake, as `file:line: deny[3].tiemout: what`."""
        self.mistakes.append(f"{self.place(*path)}: {what}")
        self.faulty |= {path[:depth] for depth in range(len(path) + 1)}

    def _value(self, event: Any, path: Keys) -> Any:
        """Read the value that an event begins. Raises YAMLError."""
        self._lines.setdefault(path, _line(event))
        before = self._count
        self._count += 1
        if len(path) > _DEEPEST:
            raise _error(event, f"nested deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _error(event, f"there is no anchor &{event.anchor} before this alias")
            value, size = self._anchors[event.anchor]
            self._count += size
        elif event.tag not in _TAGS:
            raise _error(event, f"the tag {event.tag} is not supported: write a plain value")
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = [self._value(item, (*path, index)) for index, item in enumerate(self._until(yaml.SequenceEndEvent))]
        else:
            value = scalar(event.value) if event.implicit[0] else event.value
        if self._count > _MOST_VALUES:
            raise _error(event, f"more than {_MOST_VALUES:,} values, those of aliases included")
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _mapping(self, path: Keys) -> dict[str, Any]:
        """Read a mapping. The first of duplicate keys counts."""
        values: dict[str, Any] = {}
        for key in self._until(yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise _error(key, "a key must be a plain word")
            place = (*path, key.value)
            if place in self._lines:
                self.mistake(place, f"is a duplicate key, again in line {_line(key)}")
            self._lines.setdefault(place, _line(key))
            values.setdefault(key.value, self._value(next(self._events), place))
        return values

    def _until(self, end: type[yaml.Event]) -> Iterator[Any]:
        return takewhile(lambda event: not isinstance(event, end), self._events)


def _error(event: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def scalar(word: str) -> Any:
    """Read a plain scalar by YAML's core schema."""
    if word in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word
