"""Each value changes its field: one row per value, and none is missing."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import yaml

from chart.values_table import rows
from tests.chart.chart import ONE, Object, config, container, job, kind, one, pod, render

Objects = list[Object]
Look = Callable[[Objects], Any]
CONTROL = "np-netproof-control"


@dataclass(frozen=True)
class Row:
    """A value given, where to look, and what is there then, and was not before."""

    path: str
    value: Any
    look: Look
    expected: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


def cronjob(key: str) -> Look:
    return lambda objects: one(objects, "CronJob")["spec"].get(key)


def job_spec(key: str) -> Look:
    return lambda objects: job(objects)["spec"].get(key)


def pod_spec(key: str) -> Look:
    return lambda objects: pod(objects)["spec"].get(key)


def of_container(key: str) -> Look:
    return lambda objects: container(objects).get(key)


def mounted(key: str, name: str) -> Look:
    """Read the source of a volume that the container mounts."""

    def look(objects: Objects) -> Any:
        volumes = {each["name"]: each for each in pod(objects)["spec"]["volumes"]}
        return (
            volumes.get(name, {}).get(key)
            if any(m["name"] == name for m in container(objects)["volumeMounts"])
            else None
        )

    return look


def sources(objects: Objects) -> list[str]:
    return [each["secret"]["name"] for each in (mounted("projected", "channels")(objects) or {}).get("sources", [])]


def settings(*path: str, name: str = "np-netproof") -> Look:
    def look(objects: Objects) -> Any:
        if name not in kind(objects, "ConfigMap"):
            return None
        found: Any = config(objects, name)
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return look


def label(name: str, of: Look) -> Look:
    return lambda objects: of(objects)["metadata"].get("labels", {}).get(name)


def annotation(name: str, of: Look) -> Look:
    return lambda objects: of(objects)["metadata"].get("annotations", {}).get(name)


def everywhere(key: str, name: str) -> Look:
    """Read a label or annotation that all objects and pods have alike."""

    def look(objects: Objects) -> Any:
        found = {each["metadata"].get(key, {}).get(name) for each in [*objects, job(objects), pod(objects)]}
        return found.pop() if len(found) == 1 else found

    return look


def the(kind_: str) -> Look:
    return lambda objects: one(objects, kind_)


def named(kind_: str) -> Look:
    return lambda objects: sorted(kind(objects, kind_))


def secret(name: str, key: str) -> Look:
    return lambda objects: kind(objects, "Secret").get(name, {}).get("data", {}).get(key)


def image(objects: Objects) -> Any:
    return container(objects)["image"]


REPORTER = "np-netproof-reporter"
CONTINUOUS = {"mode": "continuous"}


def reporter(key: str) -> Look:
    """Read a key of reporter.yaml."""

    def look(objects: Objects) -> Any:
        (text,) = (each["data"]["reporter.yaml"] for each in objects if "reporter.yaml" in each.get("data", {}))
        return yaml.safe_load(text).get(key)

    return look


def notified(objects: Objects) -> Any:
    """Read the channels of the only vantage."""
    return reporter("vantages")(objects)[0].get("channels")


def reporter_pod(objects: Objects) -> Any:
    return kind(objects, "Deployment")[REPORTER]["spec"]["template"]


def last_arguments(objects: Objects) -> Any:
    args = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
    return [arg for arg in args if arg.startswith(("--every", "--inconclusive"))]


def board(objects: Objects) -> Any:
    return kind(objects, "ConfigMap")[f"{REPORTER}-dashboard"]["metadata"]


TOLERATION = {"key": "probes", "operator": "Exists"}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
AFFINITY: Object = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
ALIAS = {"ip": "10.0.0.9", "hostnames": ["legacy"]}
VARIABLE = {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}
VOLUME = {"name": "ca", "configMap": {"name": "ca"}}
MOUNT = {"name": "ca", "mountPath": "/ca"}
RULES = [{"action": "Count", "onExitCodes": {"operator": "In", "values": [70]}}]
TEMPLATE = {"text.j2": "{{ report.verdict }}"}
REPORTED = {"reporter": {"enabled": True}}
RULED = {"prometheusRule": {"enabled": True}}
MONITORED = {**REPORTED, "serviceMonitor": {"enabled": True}}
SHOWN = {**REPORTED, "dashboard": {"enabled": True}}
GUARDED = {"networkPolicy": {"enabled": True}}
ENABLED = {"control": {"enabled": True}}

TABLE = [
    Row("global.imageRegistry", "mirror.example.com", image, "mirror.example.com/netproof/netproof:0.1.0"),
    Row("global.imagePullSecrets", ["all"], pod_spec("imagePullSecrets"), [{"name": "all"}]),
    Row("enabled", False, len, 0),
    Row("nameOverride", "proof", named("CronJob"), ["np-proof"]),
    Row("fullnameOverride", "proof", named("CronJob"), ["proof"]),
    Row("namespaceOverride", "ops", lambda objects: {each["metadata"]["namespace"] for each in objects}, {"ops"}),
    Row("commonLabels", {"team": "a"}, everywhere("labels", "team"), "a"),
    Row("commonAnnotations", {"team": "a"}, everywhere("annotations", "team"), "a"),
    Row("targets.allow", ["a:1", {"target": "b:2"}], settings("allow"), ["a:1", {"target": "b:2"}]),
    Row("targets.deny", [{"target": "b:2", "closed": "pass"}], settings("deny"), [{"target": "b:2", "closed": "pass"}]),
    Row("existingConfigMap", "lists", mounted("configMap", "lists"), {"name": "lists"}),
    Row("existingConfigMap", "lists", of_container("args"), ["check", "/etc/netproof", "/etc/netproof-lists"]),
    Row("isolated", True, settings("isolated"), True, {"existingConfigMap": "lists", "targets": {"allow": []}}),
    Row("settings.settle", 0, settings("settle"), 0),
    Row("settings.settle", "1m", settings("settle"), "1m"),
    Row("settings.timeout", "500ms", settings("defaults", "timeout"), "500ms"),
    Row("settings.closed", "pass", settings("defaults", "closed"), "pass"),
    Row("settings.attempts", 1, settings("defaults", "attempts"), 1),
    Row("settings.concurrency", 1, settings("concurrency"), 1),
    Row("settings.deadline", "1m30s", settings("deadline"), "1m30s"),
    Row("cluster", "prod", settings("vantage", "cluster"), "prod"),
    Row("notifications.notifyOn", ["always"], settings("notify", "notifyOn"), ["always"]),
    Row("notifications.notifyOn", [], settings("notify", "notifyOn"), []),
    Row("notifications.existingSecret", "mine", sources, ["mine"]),
    Row("notifications.existingSecrets", ["a", {"name": "b"}], sources, ["a", "b"]),
    Row("notifications.existingSecrets", [{"name": "b", "keys": ["slack"]}],
        lambda objects: (mounted("projected", "channels")(objects) or {}).get("sources"),
        [{"secret": {"name": "b", "items": [{"key": "slack", "path": "slack"}]}}]),
    Row("notifications.channels", {"mine": "json://a"}, secret("np-netproof-channels", "mine"), "anNvbjovL2E="),
    Row("notifications.channels", {"mine": "json://a"}, sources, ["np-netproof-channels"]),
    Row("notifications.channels", {"mine": "json://a"}, lambda objects: container(objects)["args"][-1],
        "--channels=/etc/netproof-channels"),
    Row("notifications.templates", {"text.j2": "{{ x }}"}, lambda objects: container(objects)["args"][-1],
        "--templates=/etc/netproof"),
    Row("notifications.templates", {"text.j2": "{{ x }}"},
        lambda objects: one(objects, "ConfigMap")["data"].get("text.j2"), "{{ x }}"),
    Row("notifications.runbookUrl", "https://run", settings("notify", "runbookUrl"), "https://run"),
    Row("heartbeat.existingSecret", "mine", mounted("secret", "heartbeat"), {"secretName": "mine"}),
    Row("heartbeat.existingSecret", "mine", lambda objects: container(objects)["args"][-1],
        "--heartbeat=/etc/netproof-heartbeat/url"),
    Row("heartbeat.url", "https://a", secret("np-netproof-heartbeat", "url"), "aHR0cHM6Ly9h"),
    Row("heartbeat.url", "https://a", mounted("secret", "heartbeat"), {"secretName": "np-netproof-heartbeat"}),
    Row("networkPolicy.enabled", True, named("NetworkPolicy"), ["np-netproof"]),
    Row("networkPolicy.dns", [], lambda objects: one(objects, "NetworkPolicy")["spec"]["egress"], None, GUARDED),
    Row("networkPolicy.egress", [{"ports": [{"port": 443}]}],
        lambda objects: one(objects, "NetworkPolicy")["spec"]["egress"][1:], [{"ports": [{"port": 443}]}], GUARDED),
    Row("podLabels", {"app": "shop"}, label("app", pod), "shop"),
    Row("podLabels", {"app": "shop"}, settings("vantage", "labels"), {"app": "shop"}),
    Row("podLabels", {"sidecar.istio.io/inject": "true"}, label("sidecar.istio.io/inject", pod), "true"),
    Row("podLabels", {"app.kubernetes.io/name": "shop"}, label("app.kubernetes.io/name", pod), "shop"),
    Row("vantages", {"a": {}, "b": {"namespace": "db"}}, named("CronJob"), ["np-netproof-a", "np-netproof-b"]),
    Row("commonTargets.allow", ["c:3"], settings("allow"), ["10.0.0.1:80", "c:3"]),
    Row("commonTargets.deny", ["c:3"], settings("deny"), ["mongo.db:27017", "c:3"]),
    Row("control.enabled", True, named("CronJob"), ["np-netproof", CONTROL]),
    Row("control.namespace", "ops", settings("vantage", "namespace", name=CONTROL), "ops", ENABLED),
    Row("control.podLabels", {"app": "eye"}, settings("vantage", "labels", name=CONTROL), {"app": "eye"}, ENABLED),
    Row("control.targets.allow", ["d:4"], settings("allow", name=CONTROL), ["d:4"], ENABLED),
    Row("control.targets.deny", ["d:4"], lambda objects: settings("deny", name=CONTROL)(objects)[0], "d:4", ENABLED),
    Row("image.registry", "", image, "netproof/netproof:0.1.0"),
    Row("image.repository", "mine", image, "ghcr.io/mine:0.1.0"),
    Row("image.tag", "9", image, "ghcr.io/netproof/netproof:9"),
    Row("image.digest", "sha256:" + "0" * 64, image, "ghcr.io/netproof/netproof@sha256:" + "0" * 64),
    Row("image.pullPolicy", "Never", of_container("imagePullPolicy"), "Never"),
    Row("imagePullSecrets", ["a", {"name": "b"}], pod_spec("imagePullSecrets"), [{"name": "a"}, {"name": "b"}]),
    Row("cronjob.schedule", "*/5 * * * *", cronjob("schedule"), "*/5 * * * *"),
    Row("cronjob.timeZone", "Europe/Berlin", cronjob("timeZone"), "Europe/Berlin"),
    Row("cronjob.suspend", True, cronjob("suspend"), True),
    Row("cronjob.concurrencyPolicy", "Replace", cronjob("concurrencyPolicy"), "Replace"),
    Row("cronjob.startingDeadlineSeconds", 0, cronjob("startingDeadlineSeconds"), 0),
    Row("cronjob.startingDeadlineSeconds", None, cronjob("startingDeadlineSeconds"), None),
    Row("cronjob.successfulJobsHistoryLimit", 0, cronjob("successfulJobsHistoryLimit"), 0),
    Row("cronjob.failedJobsHistoryLimit", 0, cronjob("failedJobsHistoryLimit"), 0),
    Row("cronjob.labels", {"a": "b"}, label("a", the("CronJob")), "b"),
    Row("cronjob.annotations", {"a": "b"}, annotation("a", the("CronJob")), "b"),
    Row("job.backoffLimit", 2, job_spec("backoffLimit"), 2),
    Row("job.activeDeadlineSeconds", 1000000, job_spec("activeDeadlineSeconds"), 1000000),
    Row("job.activeDeadlineSeconds", 300, settings("deadline"), "240s"),
    Row("job.activeDeadlineSeconds", 60, settings("deadline"), "30000ms"),
    Row("job.activeDeadlineSeconds", None, job_spec("activeDeadlineSeconds"), None),
    Row("job.activeDeadlineSeconds", None, settings("deadline"), "5m"),
    Row("job.ttlSecondsAfterFinished", 0, job_spec("ttlSecondsAfterFinished"), 0),
    Row("job.podFailurePolicy.rules", RULES, job_spec("podFailurePolicy"), {"rules": RULES}),
    Row("job.podFailurePolicy.rules", [], job_spec("podFailurePolicy"), None),
    Row("job.labels", {"a": "b"}, label("a", job), "b"),
    Row("job.annotations", {"a": "b"}, annotation("a", job), "b"),
    Row("podAnnotations", {"a": "b"}, annotation("a", pod), "b"),
    Row("podAnnotations", {"linkerd.io/inject": "enabled"}, annotation("linkerd.io/inject", pod), "enabled"),
    Row("podSecurityContext", {"runAsUser": 1000650000},
        lambda objects: pod(objects)["spec"]["securityContext"].get("runAsUser"), 1000650000),
    Row("podSecurityContext", None, pod_spec("securityContext"), None),
    Row("securityContext", {"runAsUser": 0}, lambda objects: container(objects)["securityContext"].get("runAsUser"), 0),
    Row("securityContext", {"readOnlyRootFilesystem": False},
        lambda objects: container(objects)["securityContext"]["readOnlyRootFilesystem"], False),
    Row("resources", {"limits": {"cpu": None}}, lambda objects: container(objects)["resources"]["limits"],
        {"memory": "256Mi"}),
    Row("resources", None, of_container("resources"), None),
    Row("nodeSelector", {"a": "b"}, pod_spec("nodeSelector"), {"a": "b"}),
    Row("tolerations", [TOLERATION], pod_spec("tolerations"), [TOLERATION]),
    Row("affinity", AFFINITY, pod_spec("affinity"), AFFINITY),
    Row("topologySpreadConstraints", [SPREAD], pod_spec("topologySpreadConstraints"), [SPREAD]),
    Row("priorityClassName", "low", pod_spec("priorityClassName"), "low"),
    Row("runtimeClassName", "gvisor", pod_spec("runtimeClassName"), "gvisor"),
    Row("schedulerName", "mine", pod_spec("schedulerName"), "mine"),
    Row("initContainers", [{"name": "wait"}], pod_spec("initContainers"), [{"name": "wait"}]),
    Row("extraContainers", [{"name": "log"}],
        lambda objects: pod(objects)["spec"]["containers"][1:], [{"name": "log"}]),
    Row("tests.enabled", False, named("Job"), []),
    Row("mode", "continuous", lambda objects: sorted(kind(objects, "Deployment")), ["np-netproof"]),
    Row("continuous.every", "30s", last_arguments, ["--every=30s", "--inconclusive=3"], CONTINUOUS),
    Row("continuous.inconclusive", 9, last_arguments, ["--every=60s", "--inconclusive=9"], CONTINUOUS),
    Row("continuous.ready", True,
        lambda objects: "readinessGates" in one(objects, "Deployment")["spec"]["template"]["spec"], False, CONTINUOUS),
    Row("clusterDomain", "example.internal", reporter("clusterDomain"), "example.internal", REPORTED),
    Row("notifications.sendTo", ["a"], notified, ["a"], REPORTED),
    Row("reporter.enabled", True, named("Deployment"), [REPORTER]),
    Row("reporter.interval", "1h", reporter("interval"), "1h", REPORTED),
    Row("reporter.remindEvery", "1h", reporter("remindEvery"), "1h", REPORTED),
    Row("reporter.groupWithin", "1h", reporter("groupWithin"), "1h", REPORTED),
    Row("reporter.digest", "0 8 * * 1", reporter("digest"), "0 8 * * 1", REPORTED),
    Row("reporter.digest", "H(8-8) 8 * * 1", reporter("digest"), "8 8 * * 1", REPORTED),
    Row("reporter.digestChannels", ["a"], reporter("digestChannels"), ["a"], REPORTED),
    Row("reporter.podLabels", {"a": "b"}, label("a", reporter_pod), "b", REPORTED),
    Row("reporter.podAnnotations", {"a": "b"}, annotation("a", reporter_pod), "b", REPORTED),
    Row("reporter.resources", {"limits": {"memory": "1Gi"}},
        lambda objects: reporter_pod(objects)["spec"]["containers"][0]["resources"]["limits"], {"memory": "1Gi"},
        REPORTED),
    Row("reporter.serviceAccount.create", False, named("ServiceAccount"), ["np-netproof"], REPORTED),
    Row("reporter.serviceAccount.name", "mine", lambda objects: reporter_pod(objects)["spec"]["serviceAccountName"],
        "mine", REPORTED),
    Row("reporter.serviceAccount.annotations", {"a": "b"},
        annotation("a", lambda objects: kind(objects, "ServiceAccount")[REPORTER]), "b", REPORTED),
    Row("serviceMonitor.enabled", True, named("ServiceMonitor"), [REPORTER], REPORTED),
    Row("serviceMonitor.namespace", "mon", lambda objects: one(objects, "ServiceMonitor")["metadata"]["namespace"],
        "mon", MONITORED),
    Row("serviceMonitor.labels", {"a": "b"}, label("a", the("ServiceMonitor")), "b", MONITORED),
    Row("serviceMonitor.interval", "1m",
        lambda objects: one(objects, "ServiceMonitor")["spec"]["endpoints"][0].get("interval"), "1m", MONITORED),
    Row("prometheusRule.enabled", True, named("PrometheusRule"), ["np-netproof"]),
    Row("prometheusRule.namespace", "mon", lambda objects: one(objects, "PrometheusRule")["metadata"]["namespace"],
        "mon", RULED),
    Row("prometheusRule.labels", {"a": "b"}, label("a", the("PrometheusRule")), "b", RULED),
    Row("prometheusRule.extraRules", [{"alert": "A"}],
        lambda objects: one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"][-1], {"alert": "A"}, RULED),
    Row("dashboard.enabled", True,
        lambda objects: f"{REPORTER}-dashboard" in kind(objects, "ConfigMap"), True, REPORTED),
    Row("dashboard.namespace", "mon", lambda objects: board(objects)["namespace"], "mon", SHOWN),
    Row("dashboard.labels", {"grafana_dashboard": "yes"}, lambda objects: board(objects)["labels"]["grafana_dashboard"],
        "yes", SHOWN),
    Row("dashboard.annotations", {"folder": "net"}, lambda objects: board(objects).get("annotations"),
        {"folder": "net"}, SHOWN),
    Row("hostAliases", [ALIAS], pod_spec("hostAliases"), [ALIAS]),
    Row("dnsPolicy", "Default", pod_spec("dnsPolicy"), "Default"),
    Row("dnsConfig", {"searches": ["a"]}, pod_spec("dnsConfig"), {"searches": ["a"]}),
    Row("extraArgs", ["--output=json"], lambda objects: container(objects)["args"][-1], "--output=json"),
    Row("extraEnv", [VARIABLE], lambda objects: container(objects)["env"][-1], VARIABLE),
    Row("extraEnvFrom", [{"configMapRef": {"name": "a"}}], of_container("envFrom"), [{"configMapRef": {"name": "a"}}]),
    Row("extraVolumes", [VOLUME], lambda objects: pod(objects)["spec"]["volumes"][-1], VOLUME),
    Row("extraVolumeMounts", [MOUNT], lambda objects: container(objects)["volumeMounts"][-1], MOUNT),
    Row("serviceAccount.create", False, named("ServiceAccount"), []),
    Row("serviceAccount.create", False, pod_spec("serviceAccountName"), "default"),
    Row("serviceAccount.name", "prober", pod_spec("serviceAccountName"), "prober"),
    Row("serviceAccount.name", "prober", named("ServiceAccount"), ["prober"]),
    Row("serviceAccount.annotations", {"a": "b"}, annotation("a", the("ServiceAccount")), "b"),
    Row("serviceAccount.automount", True, pod_spec("automountServiceAccountToken"), True),
    Row("serviceAccount.automount", True,
        lambda objects: one(objects, "ServiceAccount")["automountServiceAccountToken"], True),
    Row("extraObjects", [{"kind": "Extra", "metadata": {"name": "{{ .Release.Name }}-x"}}], named("Extra"), ["np-x"]),
    Row("extraObjects", ["kind: Extra\nmetadata: {name: '{{ .Release.Namespace }}'}"], named("Extra"), ["shop"]),
]  # fmt: skip


OF_THE_RELEASE = {
    *("global", "enabled", "tests", "clusterDomain", "reporter", "serviceMonitor", "prometheusRule", "dashboard"),
    *("nameOverride", "fullnameOverride", "namespaceOverride", "extraObjects"),
    *("commonLabels", "commonAnnotations", "commonTargets", "vantages", "control"),
}


def test_no_value_is_missing() -> None:
    assert {path for path, _, _ in rows()} == {row.path for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.path}={row.value!s:.20}")
def test_each_value_changes_its_field(row: Row) -> None:
    values = merged(ONE, row.beside)
    assert row.look(without(json.dumps(values))) != row.expected, "it was so without the value"
    assert row.look(render(merged(values, nested(row.path, row.value)))) == row.expected


@pytest.mark.parametrize(
    "row",
    [row for row in TABLE if row.path.partition(".")[0] not in OF_THE_RELEASE],
    ids=lambda row: f"{row.path}={row.value!s:.20}",
)
def test_each_value_can_be_set_for_a_vantage(row: Row) -> None:
    """With a name that gives its objects the names that the table expects."""
    mine = nested(row.path, row.value)
    objects = render({**merged(ONE, row.beside), "fullnameOverride": "np", "vantages": {"netproof": mine}})
    assert row.look(objects) == row.expected


@cache
def without(values: str) -> Objects:
    """Render once what many rows compare with."""
    return render(json.loads(values))


def nested(path: str, value: Any) -> Object:
    for key in reversed(path.split(".")):
        value = {key: value}
    return dict(value)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Object:
    """Merge as Helm merges values files."""
    whole = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
        whole[key] = merged(whole[key], value) if both else value
    return whole
