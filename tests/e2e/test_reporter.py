"""The reporter on a cluster: it reports each change of vantages that cannot send messages, once."""

import json
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from reporter.history import Channel
from tests.checker.command import netproof
from tests.e2e.cluster import Space, until
from tests.e2e.conftest import Outside
from tests.e2e.release import Release

KILLS = 20
SLOW = 6.0  # seconds until an answer: more than the 2 to 4 that a killed reporter has left
PATIENT = "?rto=20"  # of a channel: it waits for such an answer
LEAK = "1 new leak: tcp://db:27017 from 5 places"
OVER = "1 leak over: tcp://db:27017 from 5 places"


@pytest.fixture
def release(spaces: Callable[..., Space], outside: Outside, image: str) -> Release:
    shop, ops = spaces("netproof-reporter-shop"), spaces("netproof-reporter-ops")
    return Release(shop, ops, image, outside.json_url + PATIENT, interval="1s", groupWithin="40s")


def arrived(outside: Outside) -> str:
    """Wait for a message; return what its title says."""
    title: str = json.loads(outside.next()["body"])["title"]
    return title.partition("netproof: ")[2]


def channels(release: Release) -> Iterable[Channel]:
    """What the reporter remembers of its channels."""
    return release.state().channels.values()


def delivered(release: Release, outside: Outside) -> str:
    """Wait for a message, and until the reporter has stored that it was delivered."""
    message = arrived(outside)
    until("the reporter to store the delivery", lambda: not any(each.until for each in channels(release)))
    return message


def test_each_change_is_one_message_whatever_happens_around_it(release: Release, outside: Outside) -> None:
    # Two reporters at once: one has time to look while the other one sends.
    outside.down()
    outside.up(delay=SLOW)
    release.ops.kubectl("scale", "deployment", "netproof-reporter", "--replicas=2")
    release.wait_for_the_reporter()
    release.remove_policy()
    assert release.run() == {1}
    assert delivered(release, outside) == LEAK
    assert leaks_at_a_terminal(release) == 5
    release.ops.kubectl("scale", "deployment", "netproof-reporter", "--replicas=1")

    # An upgrade and a rollback.
    release.ops.install({**release.values, "cluster": "prod"}, verb="upgrade")
    release.ops.cluster.helm("rollback", "netproof", "1", "-n", release.ops.name)
    release.wait_for_the_reporter()
    release.restore_policies()
    assert release.run() == {0}
    assert delivered(release, outside) == OVER

    # The channel's server is down, and the vantage must not reach anything.
    address = release.shop.get("service", "db")["spec"]["clusterIP"]
    assert release.run("sealed") == {0}
    outside.down()
    release.remove_policy("sealed")
    assert release.run("sealed") == {1}
    until("the message to be refused", lambda: any(each.failing for each in channels(release)))
    outside.up()
    assert delivered(release, outside) == f"1 new leak: tcp://{address}:27017 from {release.shop.name}/sealed"
    outside.down()
    release.restore_policies()
    assert release.run("sealed") == {0}
    until("the message to be refused", lambda: any(each.failing for each in channels(release)))
    outside.up()
    assert delivered(release, outside) == f"1 leak over: tcp://{address}:27017 from {release.shop.name}/sealed"
    assert outside.silent()


def leaks_at_a_terminal(release: Release) -> int:
    listed = release.shop.kubectl("get", "cronjobs,jobs,pods", "-l", "netproof-vantage", "-o", "json")
    shown = netproof("status", input=listed)
    assert shown.returncode == 1
    return sum("LEAK" in line for line in shown.stdout.splitlines())


def test_a_vantage_that_cannot_run_is_a_finding_with_the_reason(release: Release, outside: Outside) -> None:
    shop = release.shop
    image = {"containers": [{"name": "netproof", "image": "localhost/none:none", "imagePullPolicy": "Never"}]}
    change = {"spec": {"jobTemplate": {"spec": {"template": {"spec": image}}}}}
    shop.kubectl("patch", "cronjob", "netproof-v3", "-p", json.dumps(change))
    shop.start("netproof-v3")
    shop.start("netproof-greedy")
    drained = shop.start("netproof-v4")
    shop.kubectl("patch", "cronjob", "netproof-v1", "-p", '{"spec":{"suspend":true}}')
    shop.kubectl("delete", "cronjob", "netproof-v2")

    # A node that is drained evicts the pod, too, but then the Job replaces it: no finding.
    (pod,) = until("its pod", lambda: shop.objects("pods", "-l", f"job-name={drained}"))
    shop.kubectl("wait", "pod", pod["metadata"]["name"], "--for=jsonpath={.status.phase}=Running", "--timeout=60s")
    shop.evict(pod["metadata"]["name"])
    assert shop.ended(drained).completed

    reasons = {
        "v1": "its CronJob is suspended",
        "v2": "its CronJob does not exist any more",
        "v3": "ErrImageNeverPull",
        "greedy": "Evicted: Pod ephemeral local storage usage exceeds",
    }
    while reasons:
        message = json.loads(outside.next()["body"])["message"]
        reported = [name for name, reason in reasons.items() if reason in message]
        assert reported, message
        for name in reported:
            assert f"{name} in {shop.name}" in message
            del reasons[name]
    assert outside.silent()


def test_a_reporter_killed_at_random_moments_loses_nothing(release: Release, outside: Outside) -> None:
    moments = random.Random(7)

    def kill(times: int) -> None:
        for _ in range(times):
            release.wait_for_the_next_reporter()
            time.sleep(moments.uniform(0, 3))
            release.kill_the_reporter()

    for change, code, message in ((release.remove_policy, 1, LEAK), (release.restore_policies, 0, OVER)):
        change()
        with ThreadPoolExecutor(1) as pool:
            codes = pool.submit(release.run)
            kill(KILLS // 4)
        assert codes.result() == {code}
        kill(KILLS // 4)  # while the message is due, or sent
        assert delivered(release, outside) == message
        repeated = [arrived(outside) for _ in range(outside.requests.qsize())]
        assert repeated in ([], [message])


def test_a_reporter_killed_before_its_message_is_answered_repeats_it_once(release: Release, outside: Outside) -> None:
    outside.down()
    outside.up(delay=SLOW)
    release.remove_policy()
    assert release.run("v1") == {1}
    leak = arrived(outside)
    release.kill_the_reporter()
    assert delivered(release, outside) == leak
    release.restore_policies()
    assert release.run("v1") == {0}
    assert delivered(release, outside) == leak.replace("new leak", "leak over")
    assert outside.silent()
