"""The reporter: its rights, its state, and who has the channels."""

from typing import Any, cast

import pytest
import yaml

from reporter.objects import Metadata
from reporter.routes import public
from reporter.service import Service
from reporter.settings import Settings, load
from tests.chart.chart import Object, container, kind, refusal, render
from tests.chart.restricted import faults

VALUES: dict[str, Any] = {
    "reporter": {"enabled": True},
    "cluster": "prod",
    "notifications": {"existingSecret": "channels", "templates": {"text.j2": "x"}, "runbookUrl": "https://wiki"},
    "heartbeat": {"existingSecret": "beat"},
    "podLabels": {"app": "shop"},
    "targets": {"allow": ["10.0.0.1:80"], "deny": ["db:1"]},
    "vantages": {
        "a": {"namespace": "one", "notifications": {"sendTo": ["payments"]}},
        "b": {"namespace": "two", "notifications": {"existingSecret": "own"}, "cronjob": {"schedule": "5 * * * *"}},
        "c": {"namespace": "two", "mode": "continuous", "continuous": {"every": "30s"}},
    },
    "control": {"enabled": True},
}
NAME = "np-netproof-reporter"


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return render(VALUES, namespace="ops")


def test_what_the_chart_writes_is_what_the_reporter_reads(objects: list[Object]) -> None:
    settings = load(kind(objects, "ConfigMap")[NAME]["data"]["reporter.yaml"].encode())
    assert (settings.release, settings.namespace, settings.cluster) == ("np", "ops", "prod")
    assert (settings.state_secret, settings.namespaces) == (f"{NAME}-state", ("one", "ops", "two"))
    a, b, c, control = settings.vantages
    assert (a.name, a.namespace, a.channels, len(a.schedule.split())) == ("a", "one", ("payments",), 5)
    assert (b.schedule, c.mode, c.every, control.role) == ("5 * * * *", "continuous", "30s", "control")


@pytest.mark.parametrize(
    "values",
    [
        {"continuous": None},
        {"vantages": {"c": {"mode": "continuous", "continuous": {"every": None}}}},
        {"cluster": None, "clusterDomain": None},
        {"reporter": {"enabled": True, "interval": None, "remindEvery": None, "groupWithin": None, "digest": None}},
    ],
    ids=str,
)
def test_null_is_the_default_of_the_reporter_too(values: Object) -> None:
    objects = render({**VALUES, "vantages": {"c": {"mode": "continuous"}}, **values}, namespace="ops")
    settings = load(kind(objects, "ConfigMap")[NAME]["data"]["reporter.yaml"].encode())
    assert settings.vantages[0].every == "60s"
    args = kind(objects, "Deployment")["np-netproof-c"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--every=60s" in args


def test_it_may_read_jobs_and_keep_its_state_and_nothing_else(objects: list[Object]) -> None:
    roles = [each for each in objects if each["kind"] == "Role"]
    rights = {
        (each["metadata"]["namespace"], resource, verb, *rule.get("resourceNames", []))
        for each in roles
        for rule in each["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    reading = {(n, r, "list") for n in ("one", "two", "ops") for r in ("cronjobs", "jobs", "pods")}
    assert rights == reading | {("ops", "secrets", verb, f"{NAME}-state") for verb in ("get", "update")}
    assert not any(each["kind"].startswith("ClusterRole") for each in objects)
    bound = [each for each in objects if each["kind"] == "RoleBinding"]
    places = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in roles]
    assert [(each["metadata"]["namespace"], each["roleRef"]["name"]) for each in bound] == places
    account = kind(objects, "Deployment")[NAME]["spec"]["template"]["spec"]["serviceAccountName"]
    assert all(each["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "ops"}] for each in bound)


def test_its_state_is_never_overwritten(objects: list[Object]) -> None:
    state = kind(objects, "Secret")[f"{NAME}-state"]
    assert "data" not in state
    assert "stringData" not in state
    assert state["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_it_has_the_channels_and_a_vantage_only_its_own(objects: list[Object]) -> None:
    pod = kind(objects, "Deployment")[NAME]["spec"]["template"]
    args = pod["spec"]["containers"][0]["args"]
    assert {"reporter", "--channels=/etc/netproof-channels", "--templates=/etc/netproof"} <= set(args)
    assert "--heartbeat=/etc/netproof-heartbeat/url" in args
    assert "app" not in pod["metadata"]["labels"]
    assert not [arg for arg in container(objects, "np-netproof-a")["args"] if "channels" in arg or "heartbeat" in arg]
    assert "--channels=/etc/netproof-channels" in container(objects, "np-netproof-b")["args"]
    assert sorted(name for name in kind(objects, "Job") if "trial" in name) == ["np-netproof-b-trial", f"{NAME}-trial"]


def test_its_pod_and_its_selectors(objects: list[Object]) -> None:
    deployment = kind(objects, "Deployment")[NAME]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    labels = deployment["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "netproof-reporter"
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert kind(objects, "Service")[NAME]["spec"]["selector"].items() <= labels.items()


def test_the_service_and_the_probes_use_its_ports_and_paths(objects: list[Object]) -> None:
    spec = kind(objects, "Deployment")[NAME]["spec"]["template"]["spec"]["containers"][0]
    ports = {each["name"]: each["containerPort"] for each in spec["ports"]}
    (service,) = kind(objects, "Service")[NAME]["spec"]["ports"]
    assert ports[service["targetPort"]] == Settings().port
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        asked = spec[probe]["httpGet"]
        assert (ports[asked["port"]], asked["path"]) == (Settings().port, "/healthz")
    assert "/healthz" in public(cast("Service", None))


def test_a_changed_setting_restarts_it() -> None:
    def pod(values: Object) -> Any:
        deployment = kind(render(values, namespace="ops"), "Deployment")[NAME]
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert pod(VALUES) == pod(VALUES) != pod({**VALUES, "cluster": "other"})


def test_its_settings_change_with_the_lists_of_a_continuous_vantage() -> None:
    def config(values: Object) -> Any:
        settings = yaml.safe_load(kind(render(values, namespace="ops"), "ConfigMap")[NAME]["data"]["reporter.yaml"])
        return {each["name"]: each.get("config") for each in settings["vantages"]}

    before, after = config(VALUES), config({**VALUES, "targets": {"allow": ["10.0.0.1:80"], "deny": ["db:2"]}})
    assert (before["a"], before["b"], len(before["c"])) == (None, None, 8)
    assert before["c"] != after["c"]


def test_a_vantage_cannot_have_its_name() -> None:
    message = refusal({**VALUES, "vantages": {"reporter": {}}})
    assert "vantages.reporter: reporter is a name of the reporter" in message


CONTINUOUS: dict[str, Any] = {"targets": VALUES["targets"], "mode": "continuous", "podLabels": {"app": "shop"}}


def test_a_continuous_vantage_is_a_deployment_that_takes_no_traffic() -> None:
    objects = render(CONTINUOUS)
    assert kind(objects, "CronJob") == {}
    spec = kind(objects, "Deployment")["np-netproof"]["spec"]
    pod = spec["template"]["spec"]
    assert (spec["replicas"], spec["strategy"], pod.get("restartPolicy")) == (1, {"type": "Recreate"}, None)
    assert pod["readinessGates"] == [{"conditionType": "netproof/receives-traffic"}]
    assert pod["containers"][0]["args"][-3:] == ["--every=60s", "--inconclusive=3", "--alive=/run/netproof/alive.json"]
    assert pod["containers"][0]["livenessProbe"]["exec"]["command"] == ["netproof", "alive", "/run/netproof/alive.json"]
    ready = render({**CONTINUOUS, "continuous": {"ready": True}})
    assert "readinessGates" not in kind(ready, "Deployment")["np-netproof"]["spec"]["template"]["spec"]


THEIRS = {f"app.kubernetes.io/{key}": "shop" for key in ("name", "instance", "component")}
LABELLED: dict[str, Any] = {
    "podLabels": THEIRS,
    "commonLabels": THEIRS,
    "networkPolicy": {"enabled": True},
    "reporter": {"enabled": True, "podLabels": THEIRS},
    "serviceMonitor": {"enabled": True},
}


def test_selectors_fit_whatever_labels_the_pods_have() -> None:
    objects = render({**VALUES, **LABELLED})
    deployments = {name: each["spec"] for name, each in kind(objects, "Deployment").items()}
    assert deployments.keys() == {"np-netproof-c", NAME}
    for spec in deployments.values():
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    service = kind(objects, "Service")[NAME]
    reporter = deployments[NAME]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= reporter.items()
    monitored = kind(objects, "ServiceMonitor")[NAME]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= service["metadata"]["labels"].items()
    pods = {name: each["template"] for name, each in deployments.items()}
    pods |= {name: each["spec"]["jobTemplate"]["spec"]["template"] for name, each in kind(objects, "CronJob").items()}
    policies = kind(objects, "NetworkPolicy")
    assert policies.keys() == pods.keys() - {NAME}
    for name, policy in policies.items():
        selected = policy["spec"]["podSelector"]["matchLabels"].items()
        assert [each for each, pod in pods.items() if selected <= pod["metadata"]["labels"].items()] == [name]


def test_labels_do_not_change_a_selector_which_is_immutable() -> None:
    plain, labelled = (
        {name: each["spec"]["selector"] for name, each in kind(render(values), "Deployment").items()}
        for values in (VALUES, {**VALUES, **LABELLED})
    )
    assert plain == labelled


@pytest.mark.parametrize("mode", ["cronjob", "continuous"])
def test_its_objects_are_found_whatever_labels_the_application_has(mode: str) -> None:
    theirs = {**THEIRS, "netproof-vantage": "else", "netproof-release": "else"}
    values = {**VALUES, "vantages": {"a": {"namespace": "one", "mode": mode}}, "control": {"enabled": False}}
    objects = render({**values, "podLabels": theirs, "commonLabels": theirs}, namespace="ops")
    settings = load(kind(objects, "ConfigMap")[NAME]["data"]["reporter.yaml"].encode())
    own = kind(objects, {"cronjob": "CronJob", "continuous": "Deployment"}[mode])["np-netproof-a"]
    job = own["spec"].get("jobTemplate", own)
    found = [own["metadata"]["labels"], job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]]
    assert [each["netproof-release"] for each in found] == [settings.release] * 3
    assert {Metadata(name="x", namespace="one", labels=each).vantage for each in found} == {"one/np/a"}


def test_a_chart_with_another_name_in_the_same_release_has_another_release_label() -> None:
    named = render({**VALUES, "nameOverride": "east"}, namespace="ops")
    settings = load(kind(named, "ConfigMap")["np-east-reporter"]["data"]["reporter.yaml"].encode())
    assert (
        settings.release == kind(named, "CronJob")["np-east-a"]["metadata"]["labels"]["netproof-release"] == "np-east"
    )


@pytest.mark.parametrize("reporter", [True, False])
def test_alert_rules_name_the_release(reporter: bool) -> None:
    rules = {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "namespace": "mon",
        "extraRules": [{"alert": "Mine"}],
    }
    objects = render({**VALUES, "reporter": {"enabled": reporter}, "prometheusRule": rules}, namespace="ops")
    ((name, rule),) = kind(objects, "PrometheusRule").items()
    assert (rule["metadata"]["namespace"], rule["metadata"]["labels"]["release"]) == ("mon", "prometheus")
    alerts = rule["spec"]["groups"][0]["rules"]
    assert alerts[-1] == {"alert": "Mine"}
    text = yaml.safe_dump(alerts)
    for word in ("NAMESPACES", "CRONJOBS", "DEPLOYMENTS", "SERVICE", "NAMESPACE", "COUNT"):
        assert word not in text
    if len(alerts) > 1:
        assert (f'job="{name}"' if reporter else 'namespace=~"one|ops|two"') in text


def test_a_monitor_and_a_dashboard_need_the_reporter() -> None:
    monitored = {**VALUES, "serviceMonitor": {"enabled": True}, "dashboard": {"enabled": True}}
    objects = render(monitored, namespace="ops")
    monitor = kind(objects, "ServiceMonitor")[NAME]["spec"]
    labels = kind(objects, "Service")[NAME]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["namespaceSelector"] == {"matchNames": ["ops"]}
    (endpoint,) = monitor["endpoints"]  # its default path is /metrics
    assert endpoint["honorLabels"] is True  # the metrics name the namespaces of the vantages
    assert endpoint["port"] == kind(objects, "Service")[NAME]["spec"]["ports"][0]["name"]
    assert kind(objects, "ConfigMap")[f"{NAME}-dashboard"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert "set reporter.enabled, too" in refusal({**monitored, "reporter": {"enabled": False}})


def test_restricted_pods() -> None:
    deployments = kind(render(VALUES, namespace="ops"), "Deployment")
    assert len(deployments) == 2
    assert [fault for each in deployments.values() for fault in faults(each["spec"]["template"]["spec"])] == []
