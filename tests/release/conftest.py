import shutil
import subprocess
from pathlib import Path

import pytest

from tests.release.standins import ROOT, Standins


@pytest.fixture
def standins(tmp_path: Path) -> Standins:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Standins(folder)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """All files of the repository, as they are now, in a folder of their own."""
    folder = tmp_path / "clone"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for path in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    return folder
