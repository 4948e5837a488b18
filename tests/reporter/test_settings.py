"""reporter.yaml: what is read, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reporter.settings import load


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("interval: soon", r"Expected `str` matching regex .* - at `\$.interval`"),
        ("vantages: [{name: a}]", "missing required field `namespace`"),
        ("releese: x", "unknown field `releese`"),
        ("{", "while parsing a flow node"),
        ("digest: every Monday", "the schedule 'every Monday' cannot be read"),
    ],
)
def test_invalid_settings_are_an_error_with_the_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load(text.encode())


def test_settings_are_read() -> None:
    values: dict[str, Any] = {"release": "np", "interval": "20s", "vantages": [{"name": "a", "namespace": "b"}]}
    assert load(json.dumps(values).encode()).vantages[0].namespace == "b"
