"""Names fit into the 52 characters of a CronJob, stay distinct, and do not collide between releases."""

import re
from itertools import product

import pytest

from tests.chart.chart import ONE, helm, kind, render

LONG = "a" * 53  # the longest name that Helm gives a release
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def names(values: dict[str, object], release: str = "np") -> list[str]:
    return list(kind(render({**ONE, **values}, release=release), "CronJob"))


@pytest.mark.parametrize("release", ["np", "netproof", "my-netproof", LONG, "a.b", "a" * 43 + "-" + "b" * 9])
@pytest.mark.parametrize("vantage", ["v", "v" * 63])
def test_names_fit(release: str, vantage: str) -> None:
    objects = render({**ONE, "vantages": {vantage: {}}, "control": {"enabled": True}}, release=release)
    cronjobs = kind(objects, "CronJob")
    assert len(cronjobs) == 2
    assert all(len(name) <= 52 for name in cronjobs)
    assert all(DNS_LABEL.fullmatch(each["metadata"]["name"]) for each in objects)
    for each in objects:
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())


def test_long_names_stay_distinct() -> None:
    vantages: dict[str, object] = {"v" * 60 + end: {} for end in ("a", "b", "aa")}
    made = [name for release in (LONG, LONG[1:] + "b") for name in names({"vantages": vantages}, release)]
    assert len(made) == len(set(made)) == 6


def test_names_that_fit_are_not_cut() -> None:
    assert names({}) == ["np-netproof"]
    assert names({}, "netproof") == ["netproof"]
    assert names({"vantages": {"shop": {}}}, "netproof") == ["netproof-shop"]
    assert len(names({"vantages": {"v" * 43: {}}}, "netproof")[0]) == 52


def test_two_releases_in_one_namespace_do_not_collide() -> None:
    values = {
        **ONE,
        "vantages": {"a": {}},
        "control": {"enabled": True},
        "notifications": {"channels": {"a": "json://b"}},
    }
    one, two = (
        {(each["kind"], each["metadata"]["name"]) for each in render(values, release=name)} for name in ("x", "y")
    )
    assert one
    assert not one & two
    selectors = [
        {
            key: value
            for key, value in job["spec"]["jobTemplate"]["metadata"]["labels"].items()
            if key.endswith("/instance")
        }
        for name in ("x", "y")
        for job in kind(render(values, release=name), "CronJob").values()
    ]
    assert selectors == [{"app.kubernetes.io/instance": name} for name, _ in product("xy", range(2))]


def test_a_release_name_that_helm_refuses() -> None:
    assert helm("template", LONG + "a", "chart").returncode != 0
