"""A new kind of target is one module and a class in KINDS, and is documented."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from checker.probes import KINDS
from checker.schema import Check, Target
from checker.target import TargetError, parse

ROOT = Path(__file__).parents[2]


def section(name: str) -> str:
    """The part of docs/command-line.md under a heading."""
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    return page.partition(f"## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_documented(kind: str) -> None:
    assert f"`{kind}://" in section("Targets")
    assert f"{kind}://" in get_args(Target)[1].description


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_of_a_kind_is_documented(kind: str) -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    )
    settings = {field.name for field in fields(KINDS[kind])}
    assert settings <= set(re.findall(r"`(\w+)[:`]", text))
    assert settings <= set(Check.__struct_fields__)


@pytest.mark.parametrize("kind", KINDS)
def test_no_setting_of_a_kind_must_be_given(kind: str) -> None:
    assert KINDS[kind]() == KINDS[kind]()


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        ("tcp", "db", "a port is missing"),
        ("tcp", "db:1/x", "takes no path"),
        ("udp", "db", "a port is missing"),
        ("http", "user@db", "not contain a user or password"),
        ("dns", "", "a host name is missing"),
        ("dns", "db@", "a host name is missing"),
        ("dns", "db@dns/x", "takes no path"),
    ],
)
def test_what_a_kind_does_not_take(kind: str, text: str, fault: str) -> None:
    with pytest.raises(TargetError, match=fault):
        parse(f"{kind}://{text}")
