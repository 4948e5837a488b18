"""What opens a finding, what it joins, and what ends it."""

from __future__ import annotations

from time import process_time

from reporter.judge import look
from reporter.settings import Settings
from tests.reporter.objects import HOUR, NOON, Watch, check, kinds, message


def test_one_missing_policy_seen_by_twelve_vantages_is_one_finding() -> None:
    watch = Watch()
    for n in range(12):
        watch.world.cronjob(f"v{n}")
        watch.world.run(message(check("deny db:5432", "violation")), name=f"v{n}", at=NOON + n)
    situation = watch.look(NOON + 60)
    assert kinds(situation) == [("leak", "tcp://db:5432", 12)]
    assert situation.state == "violation"
    watch.world.items = [each for each in watch.world.items if each["kind"] == "CronJob"]
    for n in range(11):
        watch.world.run(message(check("deny db:5432")), name=f"v{n}", at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1)]
    watch.world.run(message(check("deny db:5432", "inconclusive")), name="v11", at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1)]  # only a pass ends it
    watch.world.run(message(check("deny db:5432")), name="v11", at=NOON + 2 * HOUR)
    assert watch.look(NOON + 2 * HOUR).findings == ()


def test_a_finding_that_began_and_ended_between_two_rounds_is_not_lost() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON - HOUR)
    watch.world.run(message(check("deny db:5432")), at=NOON)
    situation = watch.look()
    assert situation.findings == ()
    (known,) = watch.findings.values()
    assert (known.since, known.ended, known.gone) == (NOON - HOUR, NOON, False)
    (seen,) = situation.checks
    assert seen.state == "pass"
    assert [state for _, state in seen.changes] == ["violation", "pass"]
    known_ = situation.vantages[0]
    assert ([day.runs for day in known_.days], known_.worst([known_.day])) == ([2], ["violation"])


def test_a_finding_about_two_paths_of_a_server_is_not_over_before_both_pass() -> None:
    watch = Watch()
    watch.world.cronjob()
    for time, one, other, open_ in (
        (NOON, "violation", "violation", 1),
        (NOON + 60, "pass", "violation", 1),
        (NOON + 120, "pass", "pass", 0),
    ):
        watch.world.run(
            message(check("allow https://api:443/a", one), check("allow https://api:443/b", other)), at=time
        )
        assert len(watch.look(time).findings) == open_


def test_a_leak_that_is_over_does_not_last_because_another_vantage_is_inconclusive() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("deny db:5432", "inconclusive")), name="front")
    watch.world.run(message(check("deny db:5432", "violation")), name="back", at=NOON + 1)
    assert [(each.kind, each.seen_from) for each in watch.look(NOON + 1).findings] == [
        ("leak", [("shop", "back")]),
        ("inconclusive", [("shop", "front")]),
    ]
    watch.world.run(message(check("deny db:5432")), name="back", at=NOON + 60)
    assert [each.kind for each in watch.look(NOON + 60).findings] == ["inconclusive"]
    assert [(each.kind, bool(each.ended)) for each in watch.findings.values()] == [
        ("leak", True),
        ("inconclusive", False),
    ]


def test_a_leak_is_not_over_because_the_vantage_became_a_control() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    watch.world.run(message(check("alive db:5432")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()
    (known,) = watch.findings.values()
    assert known.gone


def test_a_leak_that_lasts_has_the_evidence_of_the_last_run() -> None:
    watch = Watch()
    watch.world.cronjob()
    for time, seen in ((NOON, "open"), (NOON + 60, "closed")):
        watch.world.run(message(check("deny db:5432", "violation", seen=seen)), at=time)
        (finding,) = watch.look(time).findings
        assert (finding.evidence, finding.since) == (seen, NOON)


def test_a_leak_is_the_same_after_the_cluster_domain_was_changed() -> None:
    watch = Watch(cluster_domain="cluster.local")
    watch.world.cronjob()
    for minutes, domain, verdict in ((0, "cluster.local", "violation"), (1, "k8s.test", "violation")):
        watch.settings = Settings(release="np", cluster_domain=domain)
        watch.world.run(message(check("deny db:5432", verdict)), at=NOON + minutes * 60)
        (finding,) = watch.look(NOON + minutes * 60).findings
        assert finding.since == NOON
    watch.world.run(message(check("deny db:5432")), at=NOON + 120)
    assert watch.look(NOON + 120).findings == ()


def test_a_check_that_left_the_lists_is_not_over() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation"), check("allow api:80")))
    watch.look()
    watch.world.run(message(check("allow api:80")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()
    (known,) = watch.findings.values()
    assert known.gone


def test_a_check_that_a_termination_message_leaves_out_has_not_passed() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    many = [check(f"allow {n * 7919:x}-{n * 104729:x}.{n * 1299709:x}:80") for n in range(2000)]
    watch.world.run(message(*many), at=NOON + HOUR)
    situation = watch.look(NOON + HOUR)
    assert kinds(situation) == [("leak", "tcp://db:5432", 1)]


def test_four_times_as_many_findings_take_about_four_times_as_long() -> None:
    taken = []
    for number in (50, 200):
        watch = Watch()
        for n in range(number):
            watch.world.cronjob(f"v{n}")
            for at, verdict in ((NOON, "violation"), (NOON + 60, "pass")):
                checks = (check(f"deny db-{n}-{i}:1", verdict) for i in range(20))
                watch.world.run(message(*checks), name=f"v{n}", at=at)
        objects, began = watch.world.objects(), process_time()
        look(objects, watch.state, watch.settings, NOON + 120)
        taken.append(process_time() - began)
    assert taken[1] < 10 * taken[0], taken  # 16 times, if each run compared all findings
