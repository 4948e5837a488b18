"""The page: what each cell says, that it is one harmless file, and that a browser and two checkers accept it."""

import re
from datetime import date
from html import unescape
from typing import Any

import pytest

from checker.model import Outcome
from reporter.history import State
from reporter.judge import look
from reporter.page import Period, page
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, World, check, message, stamp
from tests.tools import browser

# CSS that is younger than the validator.
UNKNOWN_CSS = ("color-scheme", "print-color-adjust")
HOSTILE = "<script>alert(1)</script>"


def shop(bad: str = "violation") -> World:
    """Make a shop: a front end that is denied the database, and a control that reaches it."""
    world = World()
    for name in ("front", "control"):
        world.cronjob(name)
    deny = check("deny db:5432", bad, because="card data", controls=("PCI DSS 11.4.5",))
    world.run(message(check("allow api:80"), deny, check("deny gone:1"), check("deny x:2", "inconclusive")))
    world.run(message(check("alive db:5432")), name="control")
    return world


def shown(world: World, period: Period | None = None, **settings: Any) -> str:
    return page(look(world.objects(), State(), Settings(release="np", **settings), NOON + 60), period)


def cells(text: str) -> set[str]:
    """Give what a screen reader reads of each cell, without the times."""
    found = re.findall(r'<td class="cell (\w+)".*?<span class="read">(.*?)</span>', text)
    return {f"{key}: {label.split(', since')[0]}" for key, label in found}


def test_each_cell_has_words_and_not_only_a_colour() -> None:
    assert cells(shown(shop())) == {
        "pass: reachable",
        "leak: leak",
        "unproven: blocked, but not proven: nothing shows that the target is up",
        "inconclusive: inconclusive",
        "never: not checked",
    }
    assert "pass: blocked, and proven by control" in cells(shown(shop("pass")))


def test_the_head_counts_what_is_blocked_but_not_proven() -> None:
    world = World()
    for name in ("front", "control"):
        world.cronjob(name)
    world.run(
        message(check("allow api:80"), check("deny db:5432"), check("deny gone:1"), check("deny x:2", exempt=True))
    )
    world.run(message(check("alive other:1")), name="control", at=NOON - 30)
    text = shown(world)
    assert "Every check passes" in text
    assert "2 denials are not proven: nothing shows that their targets are up" in text
    world.run(message(check("alive db:5432")), name="control")
    assert "1 denial is not proven: nothing shows that its target is up" in shown(world)
    world.run(message(check("alive db:5432"), check("alive gone:1")), name="control", at=NOON + 30)
    assert "denial" not in shown(world).partition("<main>")[0]


def test_findings_come_before_the_matrix() -> None:
    heads = re.findall('<h2 id="(.*?)">', shown(shop()))
    assert heads[:2] == ["findings", "matrix"]


def test_what_is_not_possible_in_the_container_is_not_called_proven() -> None:
    world = World()
    world.cronjob()
    world.run(message(check("deny sandbox://root", outcome=Outcome.IMPOSSIBLE)))
    assert cells(shown(world)) == {"pass: not possible in the container"}


def test_each_row_has_a_cell_for_each_target_of_its_own_namespace() -> None:
    world = shop()
    world.cronjob("front", "pay")
    world.run(message(check("allow bank:443")), name="front", namespace="pay")
    tables = [each.partition("</table>")[0] for each in shown(world).split("<table>")[1:3]]
    found = [(each.count('class="target"'), [row.count('"cell ') for row in each.split("<tr>")[2:]]) for each in tables]
    assert found == [(1, [1]), (4, [4, 4])]


def test_what_is_open_and_what_is_over_are_findings() -> None:
    world = shop()
    world.run(message(check("allow api:80"), check("deny db:5432")), at=NOON + HOUR)
    state = State()
    settings = Settings(release="np")
    before = page(look(world.objects(), state, settings, NOON + HOUR + 60))
    row = next(line for line in before.splitlines() if "2026-06-01 13:00" in line and "leak" in line)
    assert all(text in row for text in ("tcp://db:5432", "front (shop)", "2026-06-01 12:00"))
    assert '<td data-head="Until" class="time">not ended</td>' in shown(shop())


def test_of_many_places_the_first_are_named_and_the_others_counted() -> None:
    world = World()
    for n in range(15):
        world.cronjob(f"v{n:02}")
        world.run(message(check("deny db:5432", "violation")), name=f"v{n:02}")
    (places,) = re.findall('<td data-head="From" class="words">(.*?)</td>', shown(world))
    assert places.startswith("v00 (shop), v01 (shop), ")
    assert places.endswith("v11 (shop) and 3 more")


def test_the_days_show_the_worst_of_each_and_the_gaps() -> None:
    world = World()
    world.cronjob()
    for day, verdict in ((-3, "violation"), (-3, "pass"), (-1, "inconclusive"), (0, "pass")):
        world.run(message(check("deny db:5432", verdict)), at=NOON + day * 24 * HOUR + (verdict == "pass") * HOUR)
    text = page(look(world.objects(), State(), Settings(release="np"), NOON + 2 * HOUR))
    strip = re.search(r'<td class="strip">.*?</td>', text)
    assert strip
    assert (
        re.sub("<[^>]*>", "", strip[0])
        == "·" * 86 + "▓·▒█" + "87 days without a run, 1 days pass, 1 days inconclusive, 1 days violation"
    )


def test_a_check_that_did_not_always_pass_has_days_of_its_own() -> None:
    world = World()
    world.cronjob()
    for day, verdict in ((-2, "violation"), (-1, "pass"), (0, "pass")):
        world.run(message(check("deny db:5432", verdict), check("allow api:80")), at=NOON + day * 24 * HOUR)
    rows = re.findall(
        r'<th scope="row" class="vantage">([^<]*)</th><td class="strip">(.*?)<span class="read">', shown(world)
    )
    assert [(name, re.sub("<[^>]*>", "", days).lstrip("·")) for name, days in rows] == [
        ("shop/front", "▓██"),
        ("shop/front deny tcp://db:5432", "▓██"),
    ]


def test_evidence_counts_the_runs_that_were_due_and_those_that_came() -> None:
    world = World()
    world.cronjob(schedule="0 */6 * * *")
    for hours in (-36, -24, -12, 0):
        world.run(message(check("allow api:80")), at=NOON + hours * HOUR)
    text = shown(world, Period(date(2026, 5, 1), date(2026, 6, 1)), cluster="prod <1>")
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert facts["Cluster"] == "prod &lt;1&gt;"
    assert facts["Period"] == "2026-05-01 to 2026-06-01 (UTC, whole days)"
    assert facts["Runs planned"].startswith("7, ")  # from 31 May on, when the vantage was first seen, until 12:01
    assert (facts["Runs done"], facts["Runs missed"]) == ("4", "3")
    assert (facts["netproof"], facts["Image"]) == ("0.2.0", "sha256:1")


@pytest.mark.parametrize(("now", "planned"), [(NOON + 29 * 60, 24 + 12), (NOON + 30 * 60, 24 + 13)])
def test_a_run_is_planned_from_the_minute_in_which_it_is_due(now: int, planned: int) -> None:
    world = World()
    world.cronjob(schedule="30 * * * *")
    world.run(message(check("allow api:80")), at=NOON - 24 * HOUR)
    situation = look(world.objects(), State(), Settings(release="np"), now)
    assert f"<dd>{planned}, " in page(situation, Period(date(2026, 5, 1), date(2026, 6, 30)))


def test_a_run_that_was_not_planned_does_not_stand_for_one_that_is_missing() -> None:
    world = World()
    for name in ("front", "back"):
        world.cronjob(name, schedule="0 */6 * * *")
        world.run(message(check("allow api:80")), name=name, at=NOON - 12 * HOUR)
    for minute in (0, 1, 2, 3):
        world.run(message(check("allow api:80")), name="back", at=NOON + minute)
    text = shown(world, Period(date(2026, 6, 1), date(2026, 6, 1)))
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert facts["Runs planned"].startswith("6, ")
    assert (facts["Runs done"], facts["Runs missed"]) == ("6", "2")


def test_runs_are_planned_by_schedules_that_can_be_read() -> None:
    world = World()
    world.cronjob(schedule="every hour")
    world.run(message(check("allow api:80")))
    ended = {"terminated": {"exitCode": 0, "message": message(check("allow api:80")), "finishedAt": stamp(NOON)}}
    world.continuous("rounds", lastState=ended, state={"running": {"startedAt": stamp(NOON)}}, restartCount=1)
    rounds = Vantage(name="rounds", namespace="shop", mode="continuous")
    text = shown(world, Period(date(2026, 5, 1), date(2026, 6, 1)), vantages=(rounds,))
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert facts["Runs planned"].startswith("0, ")
    assert (facts["Runs done"], facts["Runs missed"]) == ("2", "0")


def test_checks_are_grouped_by_the_requirements_that_they_name() -> None:
    text = shown(shop())
    row = next(line for line in text.splitlines() if 'data-head="Requirement"' in line)
    assert re.findall("<td[^>]*>(.*?)</td>", row) == ["PCI DSS 11.4.5", "1", "0", "tcp://db:5432 (leak)"]


def test_hostile_text_stays_text() -> None:
    world = World()
    world.cronjob()
    deny = check("deny db:5432", "violation", seen=HOSTILE, because=HOSTILE, name=HOSTILE, controls=(HOSTILE,))
    world.run(message(deny))
    text = shown(world, Period(date(2026, 5, 1), date(2026, 6, 1)), cluster=HOSTILE)
    assert "<script" not in text
    assert HOSTILE in unescape(text)


def test_the_page_is_one_file_with_a_policy_that_forbids_all_else() -> None:
    text = shown(shop())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert unescape(policy[1]).startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<(script|link|img|iframe)|\bsrc=|url\(| style=|@import", text)


@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
@pytest.mark.parametrize("kind", ["empty", "page", "evidence"])
def test_two_checkers_find_no_fault(kind: str) -> None:
    world = World() if kind == "empty" else shop()
    text = shown(world, Period(date(2026, 5, 1), date(2026, 6, 1)) if kind == "evidence" else None)
    assert browser.accessibility(text) == []
    assert [each for each in browser.validation(text) if not any(f"“{name}”" in each for name in UNKNOWN_CSS)] == []


@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
def test_the_accessibility_checker_finds_a_fault() -> None:
    broken = shown(shop()).replace('<html lang="en">', "<html>")
    assert [rule for rule, *_ in browser.accessibility(broken)] == ["html-has-lang"]


@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
def test_the_style_applies_under_the_page_s_own_policy() -> None:
    text = shown(shop())
    dumped = browser.computed(text, "td.leak", "background-color")
    assert dumped == "rgb(179, 24, 31)"
