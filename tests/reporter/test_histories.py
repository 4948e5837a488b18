"""Random histories of a release: each channel is notified of each leak that a run saw, and of what became of it."""

from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from reporter import history, news
from reporter.judge import look
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, World, check, message

NAMES, TARGETS, CHANNELS = ("a", "b", "c"), ("db.x:1", "db.x:2"), ("chat", "mail")
ROUND = 20  # seconds


class Release:
    """Three vantages, each in a namespace of its own, their reporter, and what must be known of them."""

    def __init__(self, seed: int) -> None:
        self.chance, self.now, self.world, self.state = random.Random(seed), NOON, World(), history.State()
        self.lists: dict[str, tuple[str, ...]] = {}  # by vantage of the release
        self.refused: set[str] = set()  # namespaces
        self.down: set[str] = set()  # channels
        self.unread: list[tuple[str, int, dict[str, str]]] = []  # runs that no round has listed
        self.leaks: dict[str, set[str]] = defaultdict(set)  # targets, and the vantages that see them open
        self.leaked: set[str] = set()  # targets
        self.ends: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)  # since a channel was notified
        self.unsaid: dict[str, set[str]] = {name: set() for name in CHANNELS}  # targets that leaked since
        self.changes = 0  # of leaks, in messages
        self.notified: dict[str, dict[str, str]] = {name: {} for name in CHANNELS}  # targets, and the last group
        for name in NAMES:
            self.join_or_leave(name)

    def join_or_leave(self, name: str) -> None:
        if name not in self.lists:
            self.lists[name] = TARGETS
            self.world.cronjob(name, name)
            return
        del self.lists[name]
        self.refused.discard(name)
        self.unread = [run for run in self.unread if run[0] != name]
        self.world.items = [each for each in self.world.items if each["metadata"]["namespace"] != name]

    def run(self, name: str) -> None:
        if listed := self.lists.get(name):
            self.now += 15
            verdicts = {each: self.chance.choice(("pass", "violation", "inconclusive")) for each in listed}
            checks = [check(f"deny {each}", verdict) for each, verdict in verdicts.items()]
            self.world.run(message(*checks), name=name, namespace=name, at=self.now)
            self.unread.append((name, self.now, verdicts))

    def start(self, name: str) -> None:
        if name in self.lists:
            self.world.start(self.now, name, name)

    def change_lists(self, name: str) -> None:
        if name in self.lists:
            self.lists[name] = self.chance.choice((TARGETS, TARGETS[:1], TARGETS[1:]))

    def refuse_or_allow(self, name: str) -> None:
        self.refused ^= {name} & self.lists.keys()

    def break_or_repair(self, _: str) -> None:
        self.down ^= {self.chance.choice(CHANNELS)}

    def restart(self, _: str) -> None:
        self.state = history.load(history.dump(self.state))

    def wait(self, _: str) -> None:
        self.now += self.chance.choice((HOUR, 30 * HOUR))

    def clean(self, _: str) -> None:
        """Remove Jobs that were read, as history limits do."""
        if not self.unread:
            self.world.items = [each for each in self.world.items if each["kind"] == "CronJob"]

    def round(self) -> None:
        self.now += ROUND
        vantages = tuple(Vantage(name=name, namespace=name) for name in self.lists)
        objects = self.world.objects()
        objects.items = [each for each in objects.items if each.metadata.namespace not in self.refused]
        objects.unlisted = dict.fromkeys(self.refused, "HTTP 403")
        release = Settings(release="np", vantages=vantages)
        situation = look(objects, self.state, release, self.now)
        self.expect()
        for each in news.due(self.state, situation, CHANNELS):
            news.sent(self.state, each, "HTTP 500" if each.channel in self.down else None, self.now)
            if each.channel not in self.down:
                self.read(each)
        news.settle(self.state, CHANNELS)

    def expect(self) -> None:
        """Note what the runs that can be listed now have seen."""
        for name, time, verdicts in self.unread:
            if name not in self.refused:
                for target in TARGETS:
                    self.see(name, target, verdicts.get(target, "notChecked"), time)
        self.unread = [run for run in self.unread if run[0] in self.refused]
        for name in NAMES:
            for target in TARGETS if name not in self.lists else ():
                self.see(name, target, "notChecked", self.now)

    def see(self, name: str, target: str, verdict: str, time: int) -> None:
        if verdict == "violation":
            for channel, notified in self.notified.items():
                if not self.leaks[target] and notified.get(target) not in ("new", "still"):
                    self.unsaid[channel].add(target)
            self.leaks[target].add(name)
            self.leaked.add(target)
        elif verdict != "inconclusive" and name in self.leaks[target]:
            self.leaks[target].remove(name)
            for channel in CHANNELS:
                self.ends[channel, target].append((time, "notChecked" if verdict == "notChecked" else "over"))

    def read(self, sent: news.Message) -> None:
        """Check that a message is true, and note what its channel knows."""
        for group in ("new", "still", "over", "notChecked"):
            for item in sent.document[group]:
                if item["finding"] == "leak":
                    target = item["target"].removeprefix("tcp://")
                    places = {place["vantage"] for place in item["places"]}
                    if group in ("new", "still"):
                        assert places == self.leaks[target]
                    else:
                        assert not self.leaks[target]
                        assert group == max(self.ends[sent.channel, target])[1]  # "over" is after "notChecked"
                    self.ends[sent.channel, target].clear()
                    self.notified[sent.channel][target] = group
                    self.unsaid[sent.channel].discard(target)
                    self.changes += group != "still"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64))
def test_each_leak_and_its_end_reach_each_channel(seed: int) -> None:
    release = Release(seed)
    things = ["run"] * 5 + ["start", "change_lists", "join_or_leave", "refuse_or_allow", "break_or_repair"]
    things += ["restart", "wait", "clean"]
    for _ in range(40):
        getattr(release, release.chance.choice(things))(release.chance.choice(NAMES))
        for _ in range(release.chance.randrange(3)):
            release.round()
    release.refused, release.down = set(), set()
    for _ in range(20):
        release.round()
    for channel, notified in release.notified.items():
        assert notified.keys() == release.leaked
        assert not release.unsaid[channel]
        for target, group in notified.items():
            assert (group in ("new", "still")) == bool(release.leaks[target])
    changes = release.changes
    for _ in range(20):
        release.round()
    assert release.changes == changes
