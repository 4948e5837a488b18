"""`python -m release.prepare VERSION`: write the version and today's date wherever a release needs them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from release import changelog, places

ROOT = Path(__file__).parents[1]


def prepare(root: Path, version: str, date: str) -> None:
    """Write version and date. Raises ValueError when it is no version, or when nothing is unreleased."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):  # PyPI and Helm spell pre-releases differently
        raise ValueError(f"{version!r} is not a version, such as 1.2.0")
    history = root / "CHANGELOG.md"
    unreleased = changelog.sections(history.read_text()).get(changelog.UNRELEASED)
    if not unreleased or not unreleased.changes:
        raise ValueError(f"CHANGELOG.md: nothing below '## {changelog.UNRELEASED}'")
    places.write(root, version)
    history.write_text(changelog.dated(history.read_text(), version, date))
    chart = root / "chart" / "Chart.yaml"
    chart.write_text(places.CHANGES.sub(lambda _: places.chart_changes(unreleased), chart.read_text()))


def main() -> None:
    """Prepare this checkout."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        prepare(ROOT, version, datetime.now(UTC).date().isoformat())
    except ValueError as error:
        sys.exit(f"Error: {error}")
    print(f"Prepared {version}. Look at `git diff`, run `make release-check`, commit, and push the tag v{version}.")


if __name__ == "__main__":
    main()
