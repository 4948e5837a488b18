"""The metrics: conventional names, the values of the situation, and no series of what is gone."""

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reporter.history import State
from reporter.judge import look
from reporter.metrics import Metrics
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, World, check, message


def release() -> World:
    world = World()
    for name in ("front", "control"):
        world.cronjob(name)
    world.run(message(check("allow api:80"), check("deny db:5432", lag=2.5), check("deny x:2", "violation")))
    world.run(message(check("alive db:5432")), name="control")
    return world


def samples(world: World, now: int = NOON + 60, settings: Settings | None = None) -> dict[str, float]:
    situation = look(world.objects(), State(), settings or Settings(release="np"), now)
    text = Metrics(situation, {"team": 3}, {"team": 1}).expose().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def test_every_state_has_its_number() -> None:
    found = samples(release())
    front = "namespace=shop,target=tcp://{},vantage=front"
    assert found["netproof_check_state{list=allow,namespace=shop,target=tcp://api:80,vantage=front}"] == 0
    assert found["netproof_check_state{list=deny,namespace=shop,target=tcp://x:2,vantage=front}"] == 1
    assert found[f"netproof_denial_proven{{{front.format('db:5432')}}}"] == 1
    assert f"netproof_denial_proven{{{front.format('x:2')}}}" not in found
    assert found[f"netproof_check_lag_seconds{{{front.format('db:5432')}}}"] == 2.5
    assert found["netproof_vantage_last_run_timestamp_seconds{namespace=shop,vantage=front}"] == NOON
    assert found["netproof_vantage_last_run_exit_code{namespace=shop,vantage=front}"] == 1
    assert found["netproof_vantage_last_run_duration_seconds{namespace=shop,vantage=front}"] == 11
    assert found["netproof_findings{finding=leak}"] == 1
    assert found["netproof_messages_delivered_total{channel=team}"] == 3
    assert found["netproof_messages_failed_total{channel=team}"] == 1
    assert found["netproof_api_last_success_timestamp_seconds{}"] == NOON + 60


def test_a_vantage_that_does_not_run_is_overdue() -> None:
    found = samples(release(), NOON + 9 * HOUR)
    assert found["netproof_vantage_overdue{namespace=shop,vantage=front}"] == 1
    assert samples(release())["netproof_vantage_overdue{namespace=shop,vantage=front}"] == 0


def test_a_vantage_that_was_removed_has_no_series() -> None:
    listed = Settings(release="np", vantages=(Vantage(name="front", namespace="shop"),))
    world = release()
    world.items = [each for each in world.items if "control" not in each["metadata"]["name"]]
    assert not [name for name in samples(world, settings=listed) if "control" in name]


def test_before_the_first_round_there_are_no_metrics_of_checks() -> None:
    text = Metrics(None, {}, {}).expose().decode()
    assert "netproof_build_info" in text
    assert "netproof_check_state" not in text
    assert "netproof_api_last_success" not in text


@pytest.mark.skipif(shutil.which("promtool") is None, reason="not installed: promtool (Debian: prometheus)")
def test_promtool_finds_no_fault_in_names_and_units() -> None:
    situation = look(release().objects(), State(), Settings(release="np"), NOON + 60)
    text = Metrics(situation, {"team": 3}, {"team": 1}).expose()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
