"""The network of this machine, if the kernel does not show its addresses."""

from pathlib import Path

import pytest

from checker import network
from checker.model import Family


@pytest.mark.parametrize("family", Family)
def test_a_family_whose_addresses_cannot_be_read_is_not_left_out(
    family: Family, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(network, "Path", lambda *_: tmp_path / "absent")
    assert network.has_address(family)
