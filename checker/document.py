"""YAML as plain values, each with the line it stands on; every mistake in it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

_MOST_VALUES = 500_000  # aliases that refer to aliases grow without end
_DEEPEST = 20

Path_ = tuple[str | int, ...]


@dataclass
class Document:
    """A file's values, the line of each by its path of keys and indices, and what was wrong with them."""

    file: str
    values: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    spoilt: set[Path_] = field(default_factory=set)  # the entries of lists in which something is wrong

    def where(self, path: Path_ = ()) -> str:
        """Write the place of a value as `file:line`; that of the nearest one around it where it has none itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines.get(path, 1)}"

    def place(self, path: Path_) -> str:
        """Write the place of a value as `file:line: deny[3].timeout`."""
        return f"{self.where(path)}: {spelled(path)}" if path else self.where(path)

    def mistake(self, path: Path_, what: str) -> None:
        """Keep a mistake, told as `file:line: deny[3].tiemout: what`."""
        self.mistakes.append(f"{self.place(path)}: {what}")
        self.spoilt.add(path[:2])


def spelled(path: Path_) -> str:
    """Write a path of keys and indices as people do: `deny[3].timeout`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def read(file: str, content: str) -> Document:
    """Read YAML as plain values: mappings with string keys, lists, and the scalars of YAML 1.2.

    https://yaml.org/spec/1.2.2/#103-core-schema - unlike PyYAML's own YAML 1.1, `on` is a word and 12:30 no number.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = Document(file)
    try:
        node = yaml.compose(content, loader)
        if node is not None:
            document.values = _Reader(document).value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        what = ", ".join(filter(None, (error.context, error.problem)))
        document.mistakes = [f"{file}:{mark.line + 1 if mark else 1}: not YAML: {what}"]
    except yaml.YAMLError as error:
        document.mistakes = [f"{file}:1: not YAML: {str(error).splitlines()[0]}"]
    except RecursionError:
        document.mistakes = [f"{file}:1: nested too deep"]
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document, self.count = document, 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        document = self.document
        document.lines.setdefault(path, node.start_mark.line + 1)
        self.count += 1
        if self.count > _MOST_VALUES or len(path) > _DEEPEST:
            document.mistake((), "aliases make it endless, or it is nested too deep: write the values out")
            return None
        kind, _, tag = node.tag.rpartition(":")
        if kind != "tag:yaml.org,2002" or tag not in _TAGS:
            document.mistake(path, f"the tag {node.tag} is not supported: write a plain value")
            return None
        if isinstance(node, yaml.SequenceNode):
            values = (self.value(child, (*path, index)) for index, child in enumerate(node.value))
            return [value for value in values if not self.exhausted]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        return node.value if getattr(node, "style", None) else scalar(node.value)

    @property
    def exhausted(self) -> bool:
        return self.count > _MOST_VALUES

    def mapping(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in node.value:
            if self.exhausted:
                break
            if not isinstance(key, yaml.ScalarNode):
                self.document.mistake(path, "a key is a plain word")
                continue
            place = (*path, key.value)
            if key.value in values:
                first = self.document.lines[place]
                self.document.lines[place] = key.start_mark.line + 1
                self.document.mistake(place, f"stands twice, first in line {first}")
                continue
            self.document.lines[place] = key.start_mark.line + 1
            values[key.value] = self.value(child, place)
        return values


_TAGS = {"str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map"}
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(word: str) -> Any:
    """Read a plain scalar by YAML's core schema."""
    if _NULL.fullmatch(word):
        return None
    if _BOOL.fullmatch(word):
        return word[0] in "tT"
    if _INT.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word
