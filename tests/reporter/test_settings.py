"""reporter.yaml: what is read, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reporter.settings import SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("interval: soon", r"Expected `str` matching regex .* - at `\$.interval`"),
        ("vantages: [{name: a}]", "missing required field `namespace`"),
        ("releese: x", "unknown field `releese`"),
        ("{", "is not YAML"),
        ("digest: every Monday", "the schedule 'every Monday' cannot be read"),
    ],
)
def test_invalid_settings_are_an_error_with_the_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "reporter.yaml").write_text(text)
    with pytest.raises(SettingsError, match=why):
        load(tmp_path / "reporter.yaml")


def test_settings_are_read(tmp_path: Path) -> None:
    values: dict[str, Any] = {"release": "np", "interval": "20s", "vantages": [{"name": "a", "namespace": "b"}]}
    (tmp_path / "reporter.yaml").write_text(json.dumps(values))
    assert load(tmp_path / "reporter.yaml").vantages[0].namespace == "b"
