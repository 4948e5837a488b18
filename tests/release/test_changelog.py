"""The changelog as data, and what a release makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from checker import __version__
from release import changelog, check, places, prepare

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## Unreleased

### Added

- A first thing,
  on two lines.
- A second: with a colon.

### Fixed

- A mistake.

## 0.1.0 - 2026-01-02

### Added

- All of it.
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a release reads and writes, at version 0.1.0."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    for path in ("checker/__init__.py", "chart/Chart.yaml"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text((ROOT / path).read_text())
    (tmp_path / "README.md").write_text(
        "helm install netproof oci://ghcr.io/netproof/charts/netproof --version 0.0.0\n"
    )
    (tmp_path / "chart" / "artifacthub-repo.yml").write_text("repositoryID: 12345678-1234-1234-1234-123456789012\n")
    places.write(tmp_path, "0.1.0")
    chart = tmp_path / "chart" / "Chart.yaml"
    section = changelog.sections(CHANGELOG)["0.1.0"]
    chart.write_text(places.CHANGES.sub(lambda _: places.chart_changes(section), chart.read_text()))
    return tmp_path


def test_sections_have_dates_and_changes_have_kinds() -> None:
    found = changelog.sections(CHANGELOG)
    assert [(each.version, each.date) for each in found.values()] == [("Unreleased", ""), ("0.1.0", "2026-01-02")]
    assert found["Unreleased"].changes == [
        changelog.Change("added", "A first thing, on two lines."),
        changelog.Change("added", "A second: with a colon."),
        changelog.Change("fixed", "A mistake."),
    ]


def test_an_unknown_kind_is_an_error() -> None:
    section = changelog.Section("1.0.0", "", "### Improved\n\n- It.\n")
    with pytest.raises(ValueError, match="'### Improved' is not one of added, changed"):
        assert section.changes


def test_our_own_changelog_has_the_form() -> None:
    found = changelog.sections((ROOT / "CHANGELOG.md").read_text())
    assert found
    assert all(section.changes for section in found.values())


def test_prepared_means_that_nothing_is_missing(checkout: Path) -> None:
    prepare.prepare(checkout, "0.2.0", "2026-03-04")
    assert not list(check.lacks(checkout, "0.2.0", "v0.2.0"))
    assert "## Unreleased\n\n## 0.2.0 - 2026-03-04\n" in (checkout / "CHANGELOG.md").read_text()
    about = yaml.safe_load((checkout / "chart" / "Chart.yaml").read_text())
    assert (about["version"], about["appVersion"]) == ("0.2.0", "0.2.0")
    assert yaml.safe_load(about["annotations"]["artifacthub.io/changes"])[1] == {
        "kind": "added",
        "description": "A second: with a colon.",
    }
    assert "--version 0.2.0\n" in (checkout / "README.md").read_text()


def test_no_page_keeps_an_old_version(clone: Path) -> None:
    places.write(clone, "98.7.6")
    pages = [clone / "README.md", clone / "chart/README.md", clone / "chart/Chart.yaml", *clone.glob("docs/*.md")]
    assert [page.name for page in pages if re.search(rf"\b{re.escape(__version__)}\b", page.read_text())] == []
    assert (clone / "docs/gitops.md").read_text().count("98.7.6") == 4


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0", "1.0.0\n", "1.0.0-rc1", "1.0.0rc1"])
def test_only_a_version_is_prepared(checkout: Path, version: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        prepare.prepare(checkout, version, "2026-03-04")


def test_nothing_unreleased_is_no_release(checkout: Path) -> None:
    prepare.prepare(checkout, "0.2.0", "2026-03-04")
    with pytest.raises(ValueError, match="nothing below '## Unreleased'"):
        prepare.prepare(checkout, "0.3.0", "2026-03-05")


def test_every_lack_is_named_with_its_place(checkout: Path) -> None:
    chart = checkout / "chart" / "Chart.yaml"
    chart.write_text(
        chart.read_text().replace('appVersion: "0.1.0"', 'appVersion: "0.0.9"').replace("All of it", "All")
    )
    (checkout / "chart" / "artifacthub-repo.yml").write_text('repositoryID: ""')
    line = chart.read_text().splitlines().index('appVersion: "0.0.9"') + 1
    (checkout / "README.md").write_text("# netproof\n\nNo image is published yet.\n")
    assert list(check.lacks(checkout, "0.1.0", "v0.1.1")) == [
        f"chart/Chart.yaml:{line}: version 0.0.9, but the package has 0.1.0",
        "CHANGELOG.md: 3 changes are unreleased, below the version's own section",
        "chart/Chart.yaml: artifacthub.io/changes are not those of CHANGELOG.md",
        "chart/artifacthub-repo.yml: no repositoryID; Artifact Hub gives one to a maintainer's account",
        "README.md:3: not true with a release: No image is published yet.",
        "the tag is v0.1.1, but the package has version 0.1.0",
    ]


def test_a_version_without_a_date_is_missing(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text(CHANGELOG.replace(" - 2026-01-02", ""))
    assert "CHANGELOG.md: no section '## 0.1.0 - DATE': make release VERSION=0.1.0" in check.lacks(checkout, "0.1.0")


def test_a_place_without_a_version_is_an_error(checkout: Path) -> None:
    (checkout / "checker" / "__init__.py").write_text("")
    with pytest.raises(ValueError, match=r"checker/__init__\.py: no version where it should be written"):
        list(check.lacks(checkout, "0.1.0"))
