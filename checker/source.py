"""Configuration files as plain values, each with the line it stands on. Nothing is trusted, every mistake is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import yaml

LARGEST = 4 * 2**20  # bytes; a ConfigMap holds 1 MiB (kubernetes.io/docs/concepts/configuration/configmap)
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

    def where(self, path: Path_ = ()) -> str:
        """Write the place of a value as `file:line`; that of the nearest one around it where it has none itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines.get(path, 1)}"

    def mistake(self, path: Path_, what: str) -> None:
        """Keep a mistake, told as `file:line: deny[3].tiemout: what`."""
        self.mistakes.append(f"{self.where(path)}: {spelled(path)}{': ' if path else ''}{what}")


def spelled(path: Path_) -> str:
    """Write a path of keys and indices as people do: `deny[3].timeout`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


def text(file: Path) -> str:
    """Read a text file. Raises ValueError with what is wrong with it, without its name."""
    try:
        if not file.is_file():
            raise ValueError("is not a file" if file.exists() else "there is no such file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise ValueError(f"is larger than {LARGEST // 2**20} MiB; is it the right file?")
    if b"\0" in content:
        raise ValueError("holds NUL bytes; write it as UTF-8 text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 text (byte 0x{content[error.start]:02x} in line {line})") from None


def lst(content: str) -> Iterator[tuple[int, str]]:
    """List line numbers and targets of a `.lst` file: one target a line, `#` begins a comment."""
    for number, line in enumerate(content.split("\n"), 1):
        target = line.split("#", 1)[0].strip()
        if target:
            yield number, target


def yaml_document(file: str, content: str) -> Document:
    """Read YAML as plain values: mappings with string keys, lists, and the scalars of YAML 1.2.

    https://yaml.org/spec/1.2.2/#103-core-schema - unlike PyYAML's own YAML 1.1, `on` is a word and 12:30 no number.
    """
    import yaml  # noqa: PLC0415 - two lists do without

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = Document(file)
    try:
        node = yaml.compose(content, loader)
        if node is not None:
            _Reader(document).read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        document.mistakes = [f"{file}:{mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}"]
    except yaml.YAMLError as error:
        document.mistakes = [f"{file}:1: not YAML: {str(error).splitlines()[0]}"]
    except RecursionError:
        document.mistakes = [f"{file}:1: nested too deep"]
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document, self.count = document, 0

    def read(self, root: yaml.Node, path: Path_) -> None:
        self.document.values = self.value(root, path)

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
        if node.id == "sequence":
            values = (self.value(child, (*path, index)) for index, child in enumerate(node.value))
            return [value for value in values if not self.exhausted]
        if node.id == "mapping":
            return self.mapping(node, path)
        return node.value if node.style else scalar(node.value)

    @property
    def exhausted(self) -> bool:
        return self.count > _MOST_VALUES

    def mapping(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in node.value:
            if self.exhausted:
                break
            if key.id != "scalar":
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
