"""The documentation's site: built from the same files, and it says where a link is broken."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MKDOCS = ROOT / ".venv" / "bin" / "mkdocs"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for path in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if (ROOT / path).is_file():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(MKDOCS), "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_page_is_there(checkout: Path) -> None:
    done = build(checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    site = checkout / "dist" / "site"
    pages = {path.stem for path in (checkout / "docs").glob("*.md")}
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
def test_a_broken_link_ends_the_build(checkout: Path, page: str, link: str, message: str) -> None:
    with (checkout / page).open("a") as file:
        file.write(f"\n{link}\n")
    done = build(checkout)
    assert done.returncode
    assert message in done.stdout + done.stderr
