"""A new kind of target is one module and one line in KINDS, and is documented."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from checker.probes import KINDS
from checker.schema import Check, Target

ROOT = Path(__file__).parents[2]


def section(name: str) -> str:
    """The part of the README under a heading."""
    return (ROOT / "README.md").read_text(encoding="utf-8").partition(f"## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_documented(kind: str) -> None:
    assert f"| `{kind}://" in section("Targets")
    assert f"{kind}://" in Target.__metadata__[0].description


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_of_a_kind_is_documented(kind: str) -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    )
    settings = {field.name for field in fields(KINDS[kind].settings)}
    assert settings <= set(re.findall(r"`(\w+)[:`]", text))
    assert settings <= set(Check.__struct_fields__)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_each_kind_is_whole(kind: object) -> None:
    about, default_port, settings, *_ = kind  # type: ignore[misc]
    assert about.endswith(".")  # type: ignore[has-type]
    assert default_port is None or 0 < default_port < 65536  # type: ignore[has-type]
    assert is_dataclass(settings)
    assert settings().answerable in (True, False)
