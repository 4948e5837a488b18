from pathlib import Path

import pytest

from tests.release.standins import Standins


@pytest.fixture
def standins(tmp_path: Path) -> Standins:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Standins(folder)
