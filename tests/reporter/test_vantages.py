"""Which objects belong to a vantage of the release."""

from __future__ import annotations

from reporter.judge import look
from reporter.objects import Objects
from reporter.settings import Vantage
from tests.reporter.objects import NOON, Watch, check, kinds, message, stamp

FRONT = Vantage(name="front", namespace="shop")


def test_a_continuous_pod_of_a_vantage_that_left_the_release_is_no_vantage() -> None:
    watch = Watch(vantages=(FRONT,))
    watch.world.continuous("old", state={"running": {"startedAt": stamp(NOON)}}, started=True)
    assert [each.listed.name for each in watch.look().vantages] == ["front"]


def test_a_run_of_a_vantage_that_was_removed_from_the_release_is_not_read() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")))
    watch.look(NOON)
    watch.world.items.clear()
    watch.look(NOON + 60)
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON + 90)
    assert watch.look(NOON + 120).findings == ()


def test_a_vantage_whose_namespace_cannot_be_listed_is_not_removed_from_the_release() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look(NOON)
    look(Objects(unlisted={"shop": "HTTP 403"}), watch.state, watch.settings, NOON + 60)
    assert kinds(watch.look(NOON + 120)) == [("leak", "tcp://db:5432", 1)]


def test_a_job_of_a_hook_is_no_run_of_its_vantage() -> None:
    watch = Watch()
    watch.world.cronjob()
    for each in watch.world.run(message(check("deny db:5432", "violation"))):
        each["metadata"]["annotations"] = {"helm.sh/hook": "test"}
    assert watch.look(NOON + 60).checks == ()
