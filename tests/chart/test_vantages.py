"""Vantages, their lists, and the control."""

from typing import Any

import pytest

from tests.chart.chart import Object, config, job, kind, pod, render

ALLOW = ["10.0.0.1:80"]
SOURCE = ["channels", "projected", "sources", 0]


def deny(*targets: Any, **more: Any) -> dict[str, Any]:
    return {"targets": {"allow": ALLOW, "deny": list(targets)}, **more}


def allow(*targets: Any, **more: Any) -> dict[str, Any]:
    return {"targets": {"allow": list(targets), "deny": []}, **more}


def controlled(*denied: Any, **more: Any) -> list[Any]:
    objects = render({**deny(*denied), **more, "control": {"enabled": True, "namespace": "ops"}})
    return list(config(objects, "np-netproof-control")["deny"])


@pytest.mark.parametrize(
    ("denied", "qualified"),
    [
        ("db:5432", "tcp://db.shop:5432"),
        ("tcp://db:5432", "tcp://db.shop:5432"),
        ("db.one:5432", "db.one:5432"),
        ("https://Pay/a@b?x=1", "https://Pay.shop/a@b?x=1"),
        ("dns://kubernetes.default@ns", "dns://kubernetes.default@ns.shop"),
        ("dns://kubernetes", "dns://kubernetes"),
        ("[2001:db8::1]:443", "[2001:db8::1]:443"),
        ("10.0.0.1:80", "10.0.0.1:80"),
    ],
)
def test_the_control_names_a_target_as_its_vantage_sees_it(denied: str, qualified: str) -> None:
    assert controlled(denied) == [{"target": qualified, "because": "denied from np-netproof"}]


def test_the_control_takes_every_denied_target_once() -> None:
    values = {
        "podLabels": {"app": "shop"},
        "control": {"enabled": True, "namespace": "ops", "targets": {"deny": ["own:1"]}},
        "vantages": {
            "a": deny("db:5432", {"target": "mongo:27017", "because": "secret", "closed": "pass"}, namespace="one"),
            "b": deny("mongo.one:27017", {"target": "nobody:1", "control": False}, "DB.one:5432", namespace="two"),
            "c": allow("db.one:5432", namespace="two", cronjob={"suspend": True}),
        },
    }
    objects = render(values)
    control = config(objects, "np-netproof-control")
    assert control["role"] == "control"
    assert control["vantage"] == {"name": "control", "namespace": "ops"}
    assert control["deny"] == [
        "own:1",
        {"target": "tcp://db.one:5432", "because": "denied from a, b"},
        {"target": "tcp://mongo.one:27017", "because": "secret; denied from a, b"},
    ]
    assert "app" not in pod(objects, "np-netproof-control")["metadata"]["labels"]


def test_a_command_is_known_by_its_name_and_runs_in_its_own_vantage() -> None:
    command = {"name": "db-port", "command": ["nc", "-z", "db", "27017"]}
    objects = render({**deny(command, "db:1"), "control": {"enabled": True}})
    assert config(objects, "np-netproof")["deny"][0] == {**command, "target": "command://db-port"}
    assert [each["target"] for each in config(objects, "np-netproof-control")["deny"]] == ["tcp://db.shop:1"]


def test_a_sandbox_check_is_for_its_own_container() -> None:
    """No control can check it, and it needs no proof of a network."""
    values = {"targets": {"allow": [], "deny": ["sandbox://privileged"]}, "control": {"enabled": True}}
    assert list(kind(render(values), "CronJob")) == ["np-netproof"]


def test_settings_of_a_check_reach_the_control() -> None:
    (check,) = controlled({"target": "udp://db:1", "payload": "x", "timeout": "5s"})
    assert check == {"target": "udp://db.shop:1", "payload": "x", "timeout": "5s", "because": "denied from np-netproof"}


def test_a_control_without_targets_is_not_installed() -> None:
    objects = render({"control": {"enabled": True}, "vantages": {"a": allow("db:5432")}})
    assert sorted(kind(objects, "CronJob")) == ["np-netproof-a"]


def test_the_control_has_values_of_its_own() -> None:
    control = {"enabled": True, "cronjob": {"schedule": "1 * * * *"}, "notifications": {"notifyOn": "always"}}
    objects = render({**deny("db:1"), "control": control, "cluster": "prod"})
    assert kind(objects, "CronJob")["np-netproof-control"]["spec"]["schedule"] == "1 * * * *"
    assert config(objects, "np-netproof-control")["notify"]["notifyOn"] == "always"
    assert config(objects, "np-netproof-control")["vantage"]["cluster"] == "prod"


def test_an_allow_list_keeps_two_paths_of_one_server() -> None:
    values = {**allow("https://api.x/orders"), "commonTargets": {"allow": ["https://api.x/healthz"]}}
    assert config(render(values))["allow"] == ["https://api.x/orders", "https://api.x/healthz"]


def test_a_disabled_vantage_is_not_there() -> None:
    vantages = {"a": deny("db:1"), "b": deny("db:2", enabled=False)}
    assert list(kind(render({"vantages": vantages}), "CronJob")) == ["np-netproof-a"]
    assert render({"vantages": {"b": vantages["b"]}}) == []


def test_two_vantages_never_share_an_object() -> None:
    """Vantage `a` once had a ConfigMap for its templates, named like that of a vantage `a-templates`."""
    values = {**deny("db:1"), "vantages": {"a": {"notifications": {"templates": {"text.j2": "x"}}}, "a-templates": {}}}
    places = [(each["kind"], each["metadata"]["name"]) for each in render(values)]
    assert len(places) == len(set(places))


def schedules(schedule: str, names: int = 60) -> list[list[str]]:
    vantages: Object = {f"v{number}": {} for number in range(names)}
    objects = render({**deny("db:1"), "vantages": vantages, "cronjob": {"schedule": schedule}})
    return [each["spec"]["schedule"].split() for each in kind(objects, "CronJob").values()]


def test_h_spreads_vantages_over_the_hour() -> None:
    minutes = [int(fields[0]) for fields in schedules("H * * * *")]
    assert len(set(minutes)) > 30
    assert set(minutes) <= set(range(60))
    assert minutes == [int(fields[0]) for fields in schedules("H * * * *")]


@pytest.mark.parametrize(
    ("schedule", "field", "possible"),
    [
        ("H/15 * * * *", 0, {f"{start}-59/15" for start in range(15)}),
        ("H(10-12) * * * *", 0, {"10", "11", "12"}),
        ("H(0-29)/10 * * * *", 0, {f"{start}-29/10" for start in range(10)}),
        ("0 H H H H", 1, {str(hour) for hour in range(24)}),
        ("0 H H H H", 2, {str(day) for day in range(1, 29)}),
        ("0 H H H H", 3, {str(month) for month in range(1, 13)}),
        ("0 0 * * THU", 4, {"THU"}),
        ("@daily", 0, {"@daily"}),
    ],
)
def test_h_stands_for_a_number_of_its_field(schedule: str, field: int, possible: set[str]) -> None:
    found = {fields[field] for fields in schedules(schedule)}
    assert found <= possible
    assert len(found) > 1 or len(possible) == 1


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


def test_targets_of_a_vantage_replace_the_same_common_targets() -> None:
    values = {
        "commonTargets": {"allow": ["dns:53"], "deny": ["db.shop:5432", "meta:80"]},
        "vantages": {"a": {}, "b": allow("tcp://DB.shop:5432"), "c": {"isolated": True}},
    }
    objects = render(values)
    lists = {
        name: (config(objects, f"np-netproof-{name}").get("allow"), config(objects, f"np-netproof-{name}").get("deny"))
        for name in "abc"
    }
    assert lists == {
        "a": (["dns:53"], ["db.shop:5432", "meta:80"]),
        "b": (["tcp://DB.shop:5432", "dns:53"], ["meta:80"]),
        "c": (None, ["db.shop:5432", "meta:80"]),
    }


def test_an_isolated_vantage_inherits_no_allow_list() -> None:
    objects = render({**deny("db:1"), "vantages": {"a": {}, "b": {"isolated": True}}})
    assert config(objects, "np-netproof-a")["allow"] == ALLOW
    assert "allow" not in config(objects, "np-netproof-b")


def test_null_removes_a_vantage() -> None:
    objects = render({**deny("db:1"), "vantages": {"a": {}, "b": None}})
    assert list(kind(objects, "CronJob")) == ["np-netproof-a"]
    assert list(kind(render({**deny("db:1"), "vantages": {"b": None}}), "CronJob")) == ["np-netproof"]


def test_all_objects_of_a_vantage_are_in_its_namespace() -> None:
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
        assert kinds == ["ConfigMap"] + ["CronJob"] + ["Job"] * 2 + ["Secret"] * 2 + ["ServiceAccount"]


def test_a_shared_service_account_is_made_once_a_namespace() -> None:
    places = {"a": {"namespace": "one"}, "b": {"namespace": "one"}, "c": {"namespace": "two"}}
    objects = render({**deny("db:1"), "serviceAccount": {"name": "prober"}, "vantages": places})
    accounts = [each["metadata"] for each in objects if each["kind"] == "ServiceAccount"]
    assert [(each["namespace"], each["name"]) for each in accounts] == [("one", "prober"), ("two", "prober")]


def test_helm_test_runs_the_same_pod_without_alerts_and_sends_a_test_message() -> None:
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


@pytest.mark.parametrize("notifications", [{}, {"existingSecret": "mine", "notifyOn": "never"}])
def test_no_test_message_with_notify_on_never(notifications: dict[str, Any]) -> None:
    assert set(kind(render({**deny("db:1"), "notifications": notifications}), "Job")) == {"np-netproof-test"}


def test_a_plain_template_has_no_jobs_of_helm_test_where_they_are_switched_off() -> None:
    values = {**deny("db:1"), "notifications": {"existingSecret": "mine"}, "tests": {"enabled": False}}
    assert kind(render(values), "Job") == {}


@pytest.mark.parametrize(
    ("values", "look"),
    [
        ({"notifications": {"existingSecret": "{{ .Release.Name }}-a"}}, [*SOURCE, "secret", "name"]),
        ({"notifications": {"existingSecrets": ["{{ .Release.Name }}-a"]}}, [*SOURCE, "secret", "name"]),
        ({"heartbeat": {"existingSecret": "{{ .Release.Name }}-a"}}, ["heartbeat", "secret", "secretName"]),
        ({"existingConfigMap": "{{ .Release.Name }}-a"}, ["lists", "configMap", "name"]),
    ],
)
def test_templates_in_names_are_rendered(values: dict[str, Any], look: list[Any]) -> None:
    found: Any = {each["name"]: each for each in pod(render({**deny("db:1"), **values}))["spec"]["volumes"]}
    for key in look:
        found = found[key]
    assert found == "np-a"


def test_templates_in_targets_labels_and_annotations_are_rendered() -> None:
    release = "{{ .Release.Name }}"
    entries = [f"{release}.db:1", {"target": f"{release}.db:2", "because": "{{ kept }}"}]
    annotations = {"commonAnnotations": {"common": release}, "podAnnotations": {"pod": release}}
    objects = render({**deny(*entries), "podLabels": {"app": release}, **annotations})
    assert config(objects)["deny"] == ["np.db:1", {"target": "np.db:2", "because": "{{ kept }}"}]
    assert config(objects)["vantage"]["labels"] == {"app": "np"}
    metadata = pod(objects)["metadata"]
    assert (metadata["labels"]["app"], metadata["annotations"]["pod"], metadata["annotations"]["common"]) == ("np",) * 3


def test_a_network_policy_opens_dns_and_what_the_values_name_and_nothing_else() -> None:
    channel = {"to": [{"ipBlock": {"cidr": "203.0.113.10/32"}}], "ports": [{"port": 443}]}
    objects = render({**deny("db:1"), "networkPolicy": {"enabled": True, "egress": [channel]}})
    spec = kind(objects, "NetworkPolicy")["np-netproof"]["spec"]
    assert spec["policyTypes"] == ["Egress"]
    dns, more = spec["egress"]
    assert more == channel
    assert [(each["protocol"], each["port"]) for each in dns["ports"]] == [("UDP", 53), ("TCP", 53)]
    (peer,) = dns["to"]
    assert {each: peer[each]["matchLabels"] for each in peer} == {
        "namespaceSelector": {"kubernetes.io/metadata.name": "kube-system"},
        "podSelector": {"k8s-app": "kube-dns"},
    }


@pytest.mark.parametrize("name", ["12345", "null", "1e3", "true", "0x1f"])
def test_names_that_look_like_other_types_stay_names(name: str) -> None:
    values = {"image": {"repository": name, "registry": ""}, "notifications": {"existingSecret": name}}
    for each in render({**deny("db:1"), **values, "serviceAccount": {"name": name}}, namespace=name):
        assert each["metadata"]["namespace"] == name
        if each["kind"] == "CronJob":
            spec = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            assert spec["serviceAccountName"] == name
            assert spec["volumes"][1]["projected"]["sources"] == [{"secret": {"name": name}}]


NULLS: list[dict[str, Any]] = [
    *({key: None} for key in ("global", "settings", "notifications", "heartbeat", "job", "serviceAccount", "tests")),
    *({key: None} for key in ("control", "commonTargets", "vantages", "podLabels", "enabled", "networkPolicy")),
    {"global": {"imagePullSecrets": None, "imageRegistry": None}},
    {"job": {"podFailurePolicy": None}},
    {"vantages": {"netproof": dict.fromkeys(("settings", "notifications", "heartbeat", "job", "namespace"))}},
    *({"notifications": {key: {name: None}}} for key, name in {"channels": "slack", "templates": "text.j2"}.items()),
    {"vantages": {"netproof": {"notifications": {"channels": {"slack": None}}, "dnsConfig": {"searches": None}}}},
    {"reporter": {"enabled": True, "resources": {"limits": {"cpu": None}}}, "resources": {"limits": {"x/y": None}}},
]


@pytest.mark.parametrize("values", NULLS, ids=str)
def test_null_leaves_a_release_that_works(values: dict[str, Any]) -> None:
    objects = render({**deny("db:1"), **values, "fullnameOverride": "np" if values.get("vantages") else None})
    assert kind(objects, "CronJob")
    assert "<nil>" not in str(objects)
    assert ": None" not in str(objects)
    volumes = {each["name"] for each in pod(objects)["spec"]["volumes"]}
    assert volumes == {"config"}


def test_enabled_null_is_enabled() -> None:
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    objects = render({**deny("db:1"), "enabled": None, "extraObjects": [extra]})
    assert kind(objects, "ConfigMap").keys() == {"np-netproof", "mine"}


def test_forty_vantages_are_forty_short_entries() -> None:
    """Two thousand denials are looked up in one pass, not each in all lists."""
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
    assert len(config(objects, "np-netproof-control")["deny"]) == 25 + 40 * 25
