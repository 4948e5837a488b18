"""What proves a denial: another vantage that has reached the same target recently."""

from __future__ import annotations

import pytest

from checker.model import Outcome
from reporter.metrics import Metrics
from reporter.page import page
from reporter.settings import Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message, stamp

FRONT = Vantage(name="front", namespace="shop")


def test_a_denial_is_proven_by_any_vantage_that_reaches_the_target_in_any_spelling() -> None:
    watch = Watch()
    for name, namespace in (("front", "shop"), ("back", "shop"), ("control", "ops")):
        watch.world.cronjob(name, namespace)
    watch.world.run(message(check("deny db:5432"), check("deny ledger.pay:80"), check("deny gone:1")))
    watch.world.run(message(check("allow db.shop.svc:5432")), name="back")
    watch.world.run(message(check("alive https://ledger.pay.svc.cluster.local:80/x")), name="control", namespace="ops")
    found = {each.target: (each.proven, each.proven_by) for each in watch.look().checks if each.list == "deny"}
    assert found == {
        "tcp://db:5432": (True, "back"),
        "tcp://ledger.pay:80": (True, "control"),
        "tcp://gone:1": (False, ""),
        "https://ledger.pay.svc.cluster.local:80/x": (None, None),
    }


def test_a_denial_is_proven_neither_by_another_denial_nor_by_its_own_vantage() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
        watch.world.run(message(check("deny db:5432"), check("allow db.shop:5432")), name=name, at=NOON - 4 * HOUR)
        watch.world.run(message(check("deny db:5432")), name=name)
    assert [each.proven for each in watch.look().checks] == [False, False]
    watch.world.run(message(check("deny db:5432"), check("allow db.shop:5432")), name="back", at=NOON + 1)
    proven = {(each.list, each.proven_by) for each in watch.look(NOON + 1).checks}
    assert proven == {("deny", "back"), ("deny", ""), ("allow", None)}


def test_a_leak_and_what_is_impossible_in_a_container_need_no_proof() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny sandbox://root", outcome=Outcome.IMPOSSIBLE), check("deny db:1", "violation")))
    assert [each.proven for each in watch.look().checks] == [None, None]


@pytest.mark.parametrize(("age", "proven"), [(2, True), (4, False)])
def test_a_proof_is_as_old_as_its_own_schedule_allows(age: int, proven: bool) -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - age * HOUR)
    watch.world.run(message(check("deny db:5432")))
    (denied,) = (each for each in watch.look().checks if each.list == "deny")
    assert denied.proven is proven


def test_a_proof_of_a_continuous_vantage_lasts_while_its_rounds_go_on() -> None:
    watch = Watch(vantages=(Vantage(name="back", namespace="shop", mode="continuous"), FRONT))
    left = {"exitCode": 1, "message": message(check("allow db:5432"), check("deny a:1", "violation"))}
    running = {"running": {"startedAt": stamp(NOON + 5)}}
    pod = watch.world.continuous("back", lastState={"terminated": left | {"finishedAt": stamp(NOON)}}, state=running)
    pod["status"]["containerStatuses"][0] |= {"started": True, "restartCount": 1}
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")))
    (denied,) = watch.look(NOON + 5).vantages[1].current
    assert denied.proven
    (denied,) = watch.look(NOON + 4 * HOUR).vantages[1].current
    assert denied.proven
    watch.world.items.remove(pod)
    (denied,) = watch.look(NOON + 4 * HOUR).vantages[1].current
    assert not denied.proven


@pytest.mark.parametrize("verdict", ["violation", "inconclusive"])
def test_a_target_that_cannot_be_reached_any_more_proves_nothing(verdict: str) -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - 60)
    watch.world.run(message(check("allow db:5432", verdict)), name="back")
    watch.world.run(message(check("deny db:5432")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [False]


@pytest.mark.parametrize(("age", "proven"), [(23, True), (25, False)])
def test_a_proof_lasts_a_day_if_the_schedule_cannot_be_read(age: int, proven: bool) -> None:
    watch = Watch()
    watch.world.cronjob("back", schedule="@every 1h")
    watch.world.cronjob()
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - age * HOUR)
    watch.world.run(message(check("deny db:5432")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [proven]


def test_a_proxy_proves_nothing() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow https://api.x:443", proxied=True)), name="back")
    watch.world.run(message(check("deny https://api.x:443")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [False]


def test_an_exempt_target_is_neither_proven_nor_unproven() -> None:
    watch = Watch()
    watch.world.cronjob("front")
    watch.world.run(message(check("deny db:5432", exempt=True)))
    situation = watch.look()
    assert [(each.proven, each.exempt) for each in situation.checks] == [(None, True)]
    assert situation.state == "pass"
    assert "netproof_denial_proven{" not in Metrics(situation, {}, {}).expose().decode()
    assert 'title="blocked; no pod may reach it' in page(situation)
