"""CHANGELOG.md as data. Its form is that of Keep a Changelog (https://keepachangelog.com/en/1.1.0/)."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNRELEASED = "Unreleased"
KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")  # Artifact Hub's words for changes, too


@dataclass(frozen=True)
class Change:
    """One line of a section: its kind in lower case, and its text on one line, still Markdown."""

    kind: str
    text: str


@dataclass(frozen=True)
class Section:
    """One version: `date` is YYYY-MM-DD, or empty; `text` is the section without its heading."""

    version: str
    date: str
    text: str

    @property
    def changes(self) -> list[Change]:
        """Raises ValueError where a heading is no kind of change."""
        found = []
        for heading, body in re.findall(r"^### (.+)\n((?:(?!### ).*\n?)*)", self.text, re.MULTILINE):
            if heading.lower() not in KINDS:
                raise ValueError(f"CHANGELOG.md: '### {heading}' is not one of {', '.join(KINDS)}")
            items = re.findall(r"^- (.+(?:\n  .+)*)", body, re.MULTILINE)
            found += [Change(heading.lower(), re.sub(r"\s+", " ", item)) for item in items]
        return found


def sections(changelog: str) -> dict[str, Section]:
    """All sections by version, newest first."""
    parts = re.split(r"^## \[?([^\]\s]+)\]?(?: - (\S+))?\s*$", changelog, flags=re.MULTILINE)[1:]
    rows = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {version: Section(version, date or "", text.strip("\n")) for version, date, text in rows}


def dated(changelog: str, version: str, date: str) -> str:
    """Give what is unreleased a version and a date, below an empty section for what comes next."""
    return changelog.replace(f"## {UNRELEASED}\n", f"## {UNRELEASED}\n\n## {version} - {date}\n", 1)
