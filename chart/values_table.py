"""Writes the table of values in README.md from values.yaml and its comments: `python chart/values_table.py`.

A comment that begins with `# --` describes the key under it, and makes it a row.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).parent
BEGIN, END = "<!-- values: written by values_table.py -->\n", "<!-- end of values -->"


def rows() -> Iterator[tuple[str, str, str]]:
    """Give path, default and description of each value, in the order of the file."""
    text = (HERE / "values.yaml").read_text()
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    yield from _rows(root, text.split("\n"), ())


def _rows(node: yaml.MappingNode, lines: list[str], path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        here = (*path, key.value)
        description = _description(lines[: key.start_mark.line])
        if description:
            default = _plain(value)
            yield ".".join(here), default, description
        elif isinstance(value, yaml.MappingNode):
            yield from _rows(value, lines, here)
        else:
            raise ValueError(
                f"values.yaml:{key.start_mark.line + 1}: {'.'.join(here)} has no comment that begins with # --"
            )


def _description(before: list[str]) -> str:
    words: list[str] = []
    for line in reversed(before):
        match = re.match(r"\s*#(?P<first> --)?(?P<words> .*)", line)
        if not match:
            return ""
        words.insert(0, match["words"].strip())
        if match["first"]:
            return " ".join(words)
    return ""


def _plain(node: yaml.Node) -> str:
    loader = yaml.SafeLoader("")
    return json.dumps(loader.construct_object(node, deep=True), ensure_ascii=False)


def table() -> str:
    """Make the table."""
    lines = ["| value | default | what it does |", "|-|-|-|"]
    for path, default, description in rows():
        shown = (
            f"`{default}`"
            if len(default) < 60
            else "see [values.yaml](https://github.com/netproof/netproof/blob/main/chart/values.yaml)"
        )
        lines.append(f"| `{path}` | {shown} | {description} |")
    return "\n".join(lines) + "\n"


def readme(text: str) -> str:
    """Put the table in its place in the README."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    place = HERE / "README.md"
    place.write_text(readme(place.read_text()))
