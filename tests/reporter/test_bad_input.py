"""For every input, the situation lists what is unreadable, and nothing raises."""

from __future__ import annotations

import copy
import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.render import render
from reporter import history, news
from reporter.history import State
from reporter.judge import look
from reporter.objects import Objects, read
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, World, check, message

JUNK: list[Any] = [
    None, True, -1, 0, 1e308, 2**70, "", "x" * 300, [], {}, [[]], {"a": 1}, "\x1b[2J\u202e", "2026-99-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", [None], {"netproof": None},
]  # fmt: skip


def world() -> World:
    made = World()
    for name in ("front", "back"):
        made.cronjob(name)
        for n in range(3):
            verdict = ("pass", "violation", "inconclusive")[n]
            checks = check("deny db.shop:5432", verdict, controls=("PCI",), lag=1.5), check("allow api:80")
            made.run(message(*checks), name=name, at=NOON + n * HOUR)
    made.start(NOON + 3 * HOUR)
    return made


def remembered(**given: Any) -> history.Vantage:
    """Make a vantage as it is stored."""
    itself = history.Check("", "front in shop", "shop/np/front")
    return history.Vantage("shop/np/front", Vantage(name="front", namespace="shop"), itself, **given)


ITEMS = world().items
TEXT = json.dumps(ITEMS)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(each, (*path, key))
    return found


PLACES = places(ITEMS)


def mutated(chance: random.Random) -> list[Any]:
    """The objects, with a few values exchanged or taken away; in messages single characters."""
    items: list[Any] = json.loads(TEXT)
    for path in chance.sample(PLACES, chance.randint(1, 6)):
        try:
            value: Any = items
            for key in path[:-1]:
                value = value[key]
            old = value[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took it away
        if not isinstance(value, dict | list):
            continue
        if path[-1] == "message" and isinstance(old, str):
            at = chance.randrange(len(old))
            value[path[-1]] = old[:at] + chance.choice(["", "\x00", '"', "{", "é", "9"]) + old[at + 1 :]
        elif chance.random() < 0.3 and isinstance(value, dict):
            del value[path[-1]]
        else:
            value[path[-1]] = copy.deepcopy(chance.choice(JUNK))  # a later change may alter it
    return items


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_mutated_objects_end_in_a_situation(seed: int) -> None:
    chance = random.Random(seed)
    items, objects, state = mutated(chance), Objects(), State()
    read(json.dumps({"items": items}).encode(), objects)
    read_in = len(objects.items) + len(objects.unreadable)
    assert read_in >= len(items) - sum(not isinstance(each, dict) or "kind" not in each for each in items) - 6
    situation = look(objects, state, Settings(release="np"), NOON + 4 * HOUR)
    assert len(objects.unreadable) <= len(situation.unreadable)
    assert all(text.isprintable() for text in situation.unreadable)
    assert all(each.evidence.isprintable() and each.check.target.isprintable() for each in situation.findings)
    assert history.load(history.dump(state)) == state
    if seed % 50 == 0:
        for each in news.due(state, situation, ["all"]):
            assert render(each.document, "text").title.isprintable()


def test_an_object_that_cannot_be_read_is_named_and_hides_no_other() -> None:
    items = copy.deepcopy(ITEMS)
    items[0]["spec"] = "soon"
    objects = Objects()
    read(json.dumps({"items": items}).encode(), objects)
    (text,) = objects.unreadable
    assert text.startswith("CronJob shop/np-front: Expected `object`, got `str` - at `$.spec`")
    assert len(objects.items) == len(items) - 1


@pytest.mark.parametrize("text", [b"", b"{}", b"null", b'{"items": {}}', b"\xff", b"[" * 5000])
def test_what_is_not_a_list_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="it is not a list of Kubernetes objects in JSON"):
        read(text, Objects())


@pytest.mark.parametrize("text", [b"", b"\x1f\x8b", b"{}", gzip.compress(b'{"version":2}', mtime=0)])
def test_a_state_that_cannot_be_read_is_an_error_with_the_reason(text: bytes) -> None:
    with pytest.raises(ValueError, match="the state"):
        history.load(text)


def test_a_state_of_a_later_version_with_more_fields_is_read() -> None:
    known = remembered(last=NOON)
    state = json.loads(gzip.decompress(history.dump(State(vantages={"shop/np/front": known}))))
    state["vantages"]["shop/np/front"][1]["more"] = state["more"] = 1
    state["vantages"]["shop/np/front"].append(1)
    assert history.load(gzip.compress(json.dumps(state).encode())).vantages == {"shop/np/front": known}


def test_checks_that_left_the_lists_do_not_make_the_state_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {f"deny {number}": history.Check("deny", str(number), str(number)) for number in range(1000)}
    checks = left | {"deny db": history.Check("deny", "db", "db", state="pass")}
    days = [history.Day(1, "1" * len(checks))]
    monkeypatch.setattr(history, "LARGEST", 1000)
    packed = history.dump(State(vantages={"a": remembered(checks=checks, days=days, last=NOON)}))
    (vantage,) = history.load(packed).vantages.values()
    assert (list(vantage.checks), vantage.days, len(packed) < 1000) == (["deny db"], [history.Day(1, "1")], True)


def test_only_the_oldest_history_of_a_large_state_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [history.Day(number, "13"[number % 2]) for number in range(400)]
    changes = tuple((number * 7919, "pass") for number in range(20))
    check = history.Check("deny", "tcp://db:5432", "tcp://db:5432", state="violation", changes=changes)
    check.findings["leak"] = history.Episode("shop/np/front", NOON)
    chat = history.Channel(NOON, {check.about: {check.findings["leak"]}})
    state = State({"a": remembered(checks={"x": check}, days=days)}, {"chat": chat})
    whole = history.dump(state)
    assert history.load(whole) == state
    monkeypatch.setattr(history, "LARGEST", len(whole) // 2)
    read = history.load(history.dump(state))
    assert [day.runs for day in read.vantages["a"].days] == list(range(310, 400))
    assert len(read.vantages["a"].checks["x"].changes) == 20
    monkeypatch.setattr(history, "LARGEST", 0)
    read = history.load(history.dump(state))
    assert read.vantages["a"].days == []
    assert read.vantages["a"].checks["x"].changes == ()
    assert read.vantages["a"].checks["x"].findings == check.findings
    assert read.channels == {"chat": chat}
