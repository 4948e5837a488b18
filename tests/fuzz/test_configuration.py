"""Any lists and any YAML: a plan, or mistakes with their places; soon, and nothing else is ever raised."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from checker.config import ConfigError, load
from checker.model import Plan
from notifications.settings import Notify
from tests.fuzz.conftest import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Again = Callable[[Callable[[], None]], None]

SLOWEST = 20.0  # seconds
hosts = st.sampled_from(["db", "10.0.0.1", "[::1]", "a.b.", "ⓓ", "xn--a", "0x7f.1", "[::ffff:1.2.3.4%1]", "", "-", "*"])
kinds = st.sampled_from(["", "tcp://", "udp://", "http://", "https://", "dns://", "sandbox://", "command://", "x://"])
ports = st.sampled_from(["", ":80", ":0", ":65536", ":٣", ":", ":1/x", "/ü", "@dns", "#", "?"])
targets = st.builds("".join, st.tuples(kinds, hosts, ports)) | st.text(max_size=30)
ends = st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\v", " # ", "\0"])

words = st.sampled_from(
    [
        *("allow", "deny", "target", "defaults", "timeout", "settle", "payload", "hex", "notify", "vantage", "labels"),
        *("controls", "command", "attempts", "closed", "every", "status", "ca", "role", "isolated", "notifyOn", "name"),
        *("3s", "0", "-1", "1e999", "nan", ".inf", "0x10", "0o7", "1:30", "yes", "null", "~", "=", "<<", "2026-11-24"),
        *("control", "pass", "2xx", "db:80", "http://db", "udp://db:1", "sandbox://x", "{}", "[]", "''", '"\\x00"'),
        *("&a", "*a", "&a []", "!!python/none x", "!!binary eA==", "!x y", "%YAML 1.1", "---", "...", "|", ">-", "? a"),
        *('"\\ud800"', '"\\u202e"', "'a", "[a,", "{a: b", "- - -", "\t", "#", "\ufeff", "\x85", "9" * 400, "a" * 9000),
    ]
)


@st.composite
def documents(draw: Any) -> str:
    """Text that is nearly YAML of ours: its words, in lines that are indented somehow."""
    made = []
    for _ in range(draw(st.integers(0, 12))):
        indent, dash = " " * draw(st.integers(0, 6)), draw(st.sampled_from(["", "- ", "- ", "-"]))
        made.append(f"{indent}{dash}{draw(words)}{draw(st.sampled_from([': ', ':', ' ', '']))}{draw(words)}")
    return "\n".join(made)


def a_plan_or_mistakes(file: Path, content: str) -> None:
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    began = time.monotonic()
    try:
        mistakes: tuple[str, ...] = () if isinstance(load([file], lambda: Notify), Plan) else ("",)
    except ConfigError as error:
        mistakes = error.mistakes or ("",)
    assert all(0 < len(mistake) < 20_000 for mistake in mistakes)
    assert time.monotonic() - began < SLOWEST


def test_lists(tmp_path: Path, again: Again) -> None:
    @fuzz
    @given(st.lists(st.tuples(targets, ends), max_size=10), st.sampled_from(["allow.lst", "deny.lst"]))
    def any_list(lines: list[tuple[str, str]], name: str) -> None:
        a_plan_or_mistakes(tmp_path / name, "".join(target + end for target, end in lines))

    again(any_list)


def test_yaml(tmp_path: Path, again: Again) -> None:
    @fuzz
    @given(documents() | documents().map(lambda text: f"allow: [a:1]\n{text}") | st.text(max_size=100))
    def any_yaml(content: str) -> None:
        a_plan_or_mistakes(tmp_path / "netproof.yaml", content)

    again(any_yaml)
