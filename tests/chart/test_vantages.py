"""Vantages, their lists, and who vouches for what."""

from typing import Any

import pytest

from tests.chart.chart import config, job, kind, pod, render

ALLOW = ["10.0.0.1:80"]


def deny(*targets: Any, **more: Any) -> dict[str, Any]:
    return {"targets": {"allow": ALLOW, "deny": list(targets)}, **more}


def allow(*targets: Any, **more: Any) -> dict[str, Any]:
    return {"targets": {"allow": list(targets), "deny": []}, **more}


def vouched(denier: dict[str, Any], voucher: dict[str, Any], **more: Any) -> Any:
    objects = render({"vantages": {"a": denier, "b": voucher}, **more})
    return config(objects, "np-netproof-a")["vantage"].get("vouchedBy")


@pytest.mark.parametrize(
    ("denied", "allowed"),
    [
        ("db:5432", "tcp://db:5432"),
        ("db:5432", "DB:5432"),
        ("TCP://db:5432", "db:5432"),
        ("db:5432", "db.shop:5432"),
        ("db.shop:5432", "db:5432"),
        ("db:5432", "db.shop.svc:5432"),
        ("db:5432", "db.shop.svc.cluster.local:5432"),
        ("db:5432", "db.shop.svc.cluster.local.:5432"),
        ("mongo-0.mongo.shop:27017", "mongo-0.mongo.shop.svc.cluster.local:27017"),
        ("http://pay", "http://pay:80/"),
        ("https://pay/orders?all=1", "pay:443"),
        ("pay:443", {"target": "https://pay/healthz", "status": 200}),
        ("[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("dns://kubernetes.default@resolver", "dns://kubernetes.default@resolver.shop:53"),
        ("udp://ntp:123", {"target": "udp://ntp:123", "payload": "x"}),
    ],
)
def test_a_target_is_the_same_however_it_is_written(denied: str, allowed: Any) -> None:
    assert vouched(deny(denied), allow(allowed)) == {denied: "b"}


@pytest.mark.parametrize(
    ("denied", "allowed"),
    [
        ("db:5432", "db:5433"),
        ("db:5432", "udp://db:5432"),
        ("db:5432", "db.other:5432"),
        ("dns://a@resolver", "dns://b@resolver"),
        ("dns://a@resolver", "resolver:53"),
        ("http://pay", "https://pay"),
        ("db.svc:5432", "db:5432"),
        ("pay:443", {"target": "https://pay", "proxy": True}),  # the proxy reached it, if anyone
        ({"target": "db:5432", "control": False}, "db:5432"),
    ],
)
def test_another_target_vouches_for_nothing(denied: Any, allowed: Any) -> None:
    assert vouched(deny(denied), allow(allowed)) is None


def test_the_same_short_name_in_another_namespace_is_another_target() -> None:
    assert vouched(deny("db:5432", namespace="one"), allow("db:5432", namespace="two")) is None
    assert vouched(deny("db.two:5432", namespace="one"), allow("db:5432", namespace="two")) == {"db.two:5432": "b"}


def test_a_suspended_vantage_vouches_for_nothing() -> None:
    assert vouched(deny("db:5432"), allow("db:5432", cronjob={"suspend": True})) is None


def test_nobody_vouches_for_itself() -> None:
    objects = render({"targets": {"allow": ["db:5432"], "deny": ["db:5432"]}})
    assert "vouchedBy" not in config(objects)["vantage"]


def test_the_control_takes_what_no_vantage_allows() -> None:
    values = {
        "podLabels": {"app": "shop"},
        "control": {"enabled": True, "namespace": "ops", "targets": {"deny": ["own:1"]}},
        "vantages": {
            "a": deny("db:5432", {"target": "mongo:27017", "because": "secret", "closed": "pass"}, namespace="one"),
            "b": deny("mongo.one.svc:27017", {"target": "nobody:1", "control": False}, namespace="two"),
            "c": allow("db.one:5432", namespace="two"),
            "d": deny("https://Pay/x", "dns://a@ns", "udp://[::1]:53", namespace="three"),
        },
    }
    objects = render(values)
    assert config(objects, "np-netproof-control") == {
        **config(objects, "np-netproof-control"),
        "role": "control",
        "deny": [
            "own:1",
            {"target": "tcp://mongo.one:27017", "because": "secret; denied from a, b"},
            {"target": "https://pay.three:443/x", "because": "denied from d"},
            {"target": "dns://a@ns.three:53", "because": "denied from d"},
            {"target": "udp://[::1]:53", "because": "denied from d"},
        ],
        "vantage": {"name": "control", "namespace": "ops"},
    }
    who = {name: config(objects, f"np-netproof-{name}")["vantage"].get("vouchedBy") for name in "abcd"}
    assert who == {
        "a": {"db:5432": "c", "mongo:27017": "control"},
        "b": {"mongo.one.svc:27017": "control"},
        "c": None,
        "d": {"https://Pay/x": "control", "dns://a@ns": "control", "udp://[::1]:53": "control"},
    }
    assert "app" not in pod(objects, "np-netproof-control")["metadata"]["labels"]


def test_a_control_with_nothing_to_do_is_not_there() -> None:
    objects = render({"control": {"enabled": True}, "vantages": {"a": deny("db:5432"), "b": allow("db:5432")}})
    assert sorted(kind(objects, "CronJob")) == ["np-netproof-a", "np-netproof-b"]


def test_the_control_says_for_itself_what_a_vantage_may() -> None:
    control = {"enabled": True, "cronjob": {"schedule": "1 * * * *"}, "notifications": {"on": "always"}}
    objects = render({**deny("db:1"), "control": control, "cluster": "prod"})
    assert kind(objects, "CronJob")["np-netproof-control"]["spec"]["schedule"] == "1 * * * *"
    assert config(objects, "np-netproof-control")["notify"]["on"] == "always"
    assert config(objects, "np-netproof-control")["vantage"]["cluster"] == "prod"


def test_lists_that_cannot_be_read_are_vouched_for_by_what_is_known() -> None:
    control = {"enabled": True, "namespace": "ops", "targets": {"deny": ["mongo.shop:27017", "pg:5432"]}}
    objects = render({"existingConfigMap": "lists", "control": control})
    assert config(objects)["vantage"]["vouchedBy"] == {
        "mongo.shop:27017": "control",
        "mongo:27017": "control",
        "tcp://pg.ops:5432": "control",
    }


def test_a_vantage_overrides_by_zero_false_and_empty() -> None:
    values = {
        "isolated": True,
        "cronjob": {"suspend": True, "successfulJobsHistoryLimit": 9},
        "tolerations": [{"operator": "Exists"}],
        "cluster": "prod",
        "nodeSelector": {"a": "b", "c": "d"},
        "vantages": {
            "a": {
                **deny("db:1"),
                "isolated": False,
                "cronjob": {"suspend": False, "successfulJobsHistoryLimit": 0},
                "tolerations": [],
                "cluster": "",
                "nodeSelector": {"a": None},
                "resources": None,
            },
            "b": {"targets": {"deny": ["db:1"]}},
        },
    }
    objects = render(values)
    spec, other = (kind(objects, "CronJob")[f"np-netproof-{name}"]["spec"] for name in "ab")
    assert (spec["suspend"], spec["successfulJobsHistoryLimit"]) == (False, 0)
    assert (other["suspend"], other["successfulJobsHistoryLimit"]) == (True, 9)
    mine, others = (pod(objects, f"np-netproof-{name}")["spec"] for name in "ab")
    assert "tolerations" not in mine
    assert "tolerations" in others
    assert mine["nodeSelector"] == {"c": "d"}
    assert "resources" not in mine["containers"][0]
    a, b = (config(objects, f"np-netproof-{name}") for name in "ab")
    assert (a.get("isolated"), a["vantage"].get("cluster")) == (None, None)
    assert (b["isolated"], b["vantage"]["cluster"]) == (True, "prod")


def test_common_targets_join_but_for_what_a_vantage_lists_itself() -> None:
    values = {
        "commonTargets": {"allow": ["dns:53"], "deny": ["db.shop:5432", "meta:80"]},
        "vantages": {"a": {}, "b": allow("db:5432"), "c": {"isolated": True}},
    }
    objects = render(values)
    lists = {
        name: (config(objects, f"np-netproof-{name}").get("allow"), config(objects, f"np-netproof-{name}").get("deny"))
        for name in "abc"
    }
    assert lists == {
        "a": (["dns:53"], ["db.shop:5432", "meta:80"]),
        "b": (["db:5432", "dns:53"], ["meta:80"]),
        "c": (None, ["db.shop:5432", "meta:80"]),
    }


def test_an_isolated_vantage_takes_no_allow_list_over() -> None:
    objects = render({**deny("db:1"), "vantages": {"a": {}, "b": {"isolated": True}}})
    assert config(objects, "np-netproof-a")["allow"] == ALLOW
    assert "allow" not in config(objects, "np-netproof-b")


def test_null_takes_a_vantage_away() -> None:
    objects = render({**deny("db:1"), "vantages": {"a": {}, "b": None}})
    assert list(kind(objects, "CronJob")) == ["np-netproof-a"]
    assert list(kind(render({**deny("db:1"), "vantages": {"b": None}}), "CronJob")) == ["np-netproof"]


def test_everything_of_a_vantage_lives_in_its_namespace() -> None:
    secrets = {
        "notifications": {"channels": {"a": "json://b"}, "templates": {"text.j2": "x"}},
        "heartbeat": {"url": "http://a"},
    }
    values = {**deny("db:1"), **secrets, "vantages": {"a": {"namespace": "one"}, "b": {"namespace": "two"}}}
    objects = render({**values, "control": {"enabled": True, "namespace": "three"}})
    for name, namespace in {"a": "one", "b": "two", "control": "three"}.items():
        mine = [each for each in objects if each["metadata"]["labels"]["app.kubernetes.io/component"] == name]
        assert {each["metadata"]["namespace"] for each in mine} == {namespace}
        kinds = sorted(each["kind"] for each in mine)
        assert kinds == ["ConfigMap"] * 2 + ["CronJob"] + ["Job"] * 2 + ["Secret"] * 2 + ["ServiceAccount"]


def test_a_shared_service_account_is_made_once_a_namespace() -> None:
    places = {"a": {"namespace": "one"}, "b": {"namespace": "one"}, "c": {"namespace": "two"}}
    objects = render({**deny("db:1"), "serviceAccount": {"name": "prober"}, "vantages": places})
    accounts = [each["metadata"] for each in objects if each["kind"] == "ServiceAccount"]
    assert [(each["namespace"], each["name"]) for each in accounts] == [("one", "prober"), ("two", "prober")]


def test_a_plain_on_is_the_word_that_it_looks_like() -> None:
    """Helm reads YAML 1.1, where an unquoted `on` is a truth value."""
    for on in ("on", "true"):
        values = {**deny("db:1"), "vantages": {"a": {"notifications": {on: ["pass"]}}, "b": {}}}
        objects = render(values)
        assert config(objects, "np-netproof-a")["notify"]["on"] == ["pass"]
        assert config(objects, "np-netproof-b")["notify"]["on"] == ["violation", "inconclusive"]


def test_helm_test_runs_the_same_pod_without_alarms_and_sends_a_trial_message() -> None:
    objects = render({**deny("db:1"), "notifications": {"existingSecret": "mine"}, "podLabels": {"app": "shop"}})
    tests = kind(objects, "Job")
    assert set(tests) == {"np-netproof-test", "np-netproof-trial"}
    original = job(objects)
    for name, args in {
        "np-netproof-test": ["check", "/etc/netproof", "--no-notify"],
        "np-netproof-trial": ["notify", "--test", "--channels=/etc/netproof-channels"],
    }.items():
        mine = tests[name]
        assert mine["metadata"]["annotations"]["helm.sh/hook"] == "test"
        left = {"before-hook-creation", "hook-succeeded", "hook-failed"}
        assert set(mine["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")) == left
        assert mine["spec"]["template"]["spec"]["containers"][0].pop("args") == args
    original["spec"]["template"]["spec"]["containers"][0].pop("args")
    assert tests["np-netproof-test"]["spec"] == tests["np-netproof-trial"]["spec"] == original["spec"]


@pytest.mark.parametrize("notifications", [{}, {"existingSecret": "mine", "on": "never"}])
def test_no_trial_message_where_nobody_is_told(notifications: dict[str, Any]) -> None:
    assert set(kind(render({**deny("db:1"), "notifications": notifications}), "Job")) == {"np-netproof-test"}


def test_forty_vantages_are_forty_short_entries() -> None:
    """Two thousand denials are looked up in one pass, not each in all lists; Helm has a minute here."""
    values = {
        "commonTargets": {"allow": ["dns://a"], "deny": [f"db{n}.data:5432" for n in range(25)]},
        "control": {"enabled": True},
        "vantages": {
            f"v{n}": {
                "namespace": f"n{n}",
                "targets": {"allow": ["api:80"], "deny": [f"x{m}.n{n}:80" for m in range(25)]},
            }
            for n in range(40)
        },
    }
    objects = render(values)
    assert len(kind(objects, "CronJob")) == 41
    assert len(config(objects, "np-netproof-v39")["vantage"]["vouchedBy"]) == 50
    assert len(config(objects, "np-netproof-control")["deny"]) == 25 + 40 * 25
