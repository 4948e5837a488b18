"""Where the version is written, and the chart's copy of the changelog."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.changelog import Section

VERSION = r"(\d+\.\d+\.\d+[\w.-]*)"
PLACES = {
    "checker/__init__.py": [rf'(?m)^__version__ = "{VERSION}"$'],
    "chart/Chart.yaml": [
        rf"(?m)^version: {VERSION}$",
        rf'(?m)^appVersion: "{VERSION}"$',
        rf"ghcr\.io/netproof/netproof:{VERSION}",
    ],
}
EXAMPLES = [
    rf"netproof/netproof:{VERSION}",
    rf"netproof.* --version {VERSION}",
    rf"(?:targetRevision|version|tag): {VERSION}",  # Argo CD, kustomize, Flux
]
CHANGES = re.compile(r"^  artifacthub\.io/changes: \|\n(?:    .*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """One version as it is written: the file relative to the root, its line, the version."""

    path: str
    line: int
    version: str


def _patterns(root: Path) -> Iterator[tuple[Path, list[str]]]:
    yield from ((root / path, patterns) for path, patterns in PLACES.items())
    pages = [root / "README.md", root / "chart" / "README.md", *sorted((root / "docs").rglob("*.md"))]
    yield from ((page, EXAMPLES) for page in pages if page.exists())


def places(root: Path) -> list[Place]:
    """Every version that is written anywhere. Raises ValueError where one must be and is not."""
    found = []
    for file, patterns in _patterns(root):
        text, path = file.read_text(), str(file.relative_to(root))
        for pattern in patterns:
            matches = list(re.finditer(pattern, text))
            if not matches and path in PLACES:
                raise ValueError(f"{path}: no version where it should be written: {pattern}")
            found += [Place(path, text.count("\n", 0, match.start(1)) + 1, match[1]) for match in matches]
    return found


def write(root: Path, version: str) -> None:
    """Write a version wherever one is written."""
    for file, patterns in _patterns(root):
        text = file.read_text()
        for pattern in patterns:
            text = re.sub(pattern, lambda match: match[0].replace(match[1], version), text)
        file.write_text(text)


def chart_changes(section: Section) -> str:
    """Artifact Hub's annotation of a chart, as text: https://artifacthub.io/docs/topics/annotations/helm/."""
    changes = [{"kind": change.kind, "description": change.text} for change in section.changes]
    lines = yaml.safe_dump(changes, sort_keys=False, width=10_000, allow_unicode=True).splitlines()
    return "  artifacthub.io/changes: |\n" + "".join(f"    {line}\n" for line in lines)
