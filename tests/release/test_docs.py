"""The documentation's site: it is built from the same files, and the build names broken links."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".venv" / "bin" / "mkdocs"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(MKDOCS), "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_page_is_there(clone: Path) -> None:
    done = build(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    site = clone / "dist" / "site"
    pages = {path.stem for path in (clone / "docs").glob("*.md")}
    pages |= {"values", "contributing", "reporting", "changelog"}
    assert all((site / page / "index.html").exists() for page in pages)
    assert "netproof/blob/main/examples/values.yaml" in (site / "index.html").read_text()


@pytest.mark.parametrize(
    ("page", "link", "message"),
    [
        ("README.md", "[here](docs/gone.md)", "README.md: link to docs/gone.md, which is not there"),
        ("docs/verdicts.md", "[here](gone.md)", "docs/verdicts.md: link to gone.md, which is not there"),
        ("docs/verdicts.md", "[here](security.md#gone)", "#gone"),
        ("docs/verdicts.md", "[here](../gone.py)", "docs/verdicts.md: link to ../gone.py, which is not there"),
    ],
)
def test_a_broken_link_ends_the_build(clone: Path, page: str, link: str, message: str) -> None:
    with (clone / page).open("a") as file:
        file.write(f"\n{link}\n")
    done = build(clone)
    assert done.returncode
    assert message in done.stdout + done.stderr
