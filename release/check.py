"""`python -m release.check [TAG]`: list what is missing for a release; exit code 1 if anything is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from checker import __version__
from release import changelog, places

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
UNPUBLISHED = "is published yet"


def lacks(root: Path, version: str, tag: str = "") -> Iterator[str]:
    """Compare the files with each other, and yield one sentence for each thing that is missing."""
    for place in places.places(root):
        if place.version != version:
            yield f"{place.path}:{place.line}: version {place.version}, but the package has {version}"
    history = changelog.sections((root / "CHANGELOG.md").read_text())
    section = history.get(version)
    if section is None or not section.date:
        yield f"CHANGELOG.md: no section '## {version} - DATE': make release VERSION={version}"
    elif not section.changes:
        yield f"CHANGELOG.md: the section of {version} is empty"
    unreleased = history.get(changelog.UNRELEASED)
    if section and unreleased and unreleased.changes:
        yield f"CHANGELOG.md: {len(unreleased.changes)} changes are unreleased, below the version's own section"
    newest = section or unreleased
    written = places.CHANGES.search((root / "chart" / "Chart.yaml").read_text())
    if newest and (written is None or written[0] != places.chart_changes(newest)):
        yield "chart/Chart.yaml: artifacthub.io/changes are not those of CHANGELOG.md"
    if not yaml.safe_load((root / "chart" / "artifacthub-repo.yml").read_text())["repositoryID"]:
        yield "chart/artifacthub-repo.yml: no repositoryID; Artifact Hub gives one to a maintainer's account"
    readme = enumerate((root / "README.md").read_text().splitlines(), 1)
    yield from (
        f"README.md:{number}: not true with a release: {line}" for number, line in readme if UNPUBLISHED in line
    )
    if tag and tag != f"v{version}":
        yield f"the tag is {tag}, but the package has version {version}"


def repository(root: Path, version: str, tag: str = "") -> Iterator[str]:
    """Look in git for changes that are not committed, and for a tag that is missing or used already."""
    changed = _run(root, "git", "status", "--porcelain").stdout.splitlines()
    if changed:
        yield f"{len(changed)} files are not committed: {', '.join(line[3:] for line in changed[:5])}"
    tagged = _run(root, "git", "rev-list", "-n1", f"v{version}").stdout.strip()
    head = _run(root, "git", "rev-parse", "HEAD").stdout.strip()
    if tagged and tagged != head:
        yield f"v{version} is released already: the tag is on another commit ({tagged[:12]})"
    elif not tagged and not tag:
        yield f"no tag v{version}: git tag -s v{version}"


def builds(root: Path) -> Iterator[str]:
    """Run make to find lock files that no longer fit pyproject.toml, and documentation with broken links."""
    locks = {file: file.read_text() for file in root.glob("*.lock")}
    for target, meaning in {
        "lock": "the lock files cannot be made",
        "docs": "the documentation does not build",
    }.items():
        done = _run(root, "make", "--silent", target)
        if done.returncode:
            yield f"{meaning} (make {target}): {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    yield from (
        f"{file.name} does not fit pyproject.toml: commit what make lock wrote"
        for file in locks
        if file.read_text() != locks[file]
    )


def _run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def main() -> None:
    """Check this checkout."""
    tag = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        found = [*lacks(ROOT, __version__, tag), *repository(ROOT, __version__, tag), *builds(ROOT)]
    except ValueError as error:
        found = [str(error)]
    for each in found:
        print(f"- {each}")
    print(
        f"netproof {__version__}: {len(found)} things are missing"
        if found
        else f"netproof {__version__} can be released"
    )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
