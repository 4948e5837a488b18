"""Every values file of chart/ci, with Helm 4 and 3, against the schemas of the oldest and the newest Kubernetes."""

from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from notifications import deliver, heartbeat
from tests.chart.chart import CHART, Object, helm, kind, pods, render
from tests.chart.restricted import faults

FILES = sorted((CHART / "ci").glob("*-values.yaml"))
OLDEST = "1.29"
NEWEST = kubernetes_validate.latest_version()

UNSAFE = {"nothing-values"}  # takes every security context away

matrix = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
majors = pytest.mark.parametrize("major", [4, 3])


@matrix
@majors
def test_lint(file: Path, major: int) -> None:
    done = helm("lint", "--strict", str(CHART), files=[file], major=major)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@matrix
@majors
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_one_of_kubernetes(file: Path, major: int, version: str) -> None:
    for each in render(files=[file], major=major):
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            continue
        kubernetes_validate.validate(each, version, strict=True)


@matrix
def test_helm_3_and_4_render_the_same(file: Path) -> None:
    assert render(files=[file], major=3) == render(files=[file], major=4)


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in UNSAFE], ids=lambda file: file.stem)
def test_pod_security_restricted(file: Path) -> None:
    rendered = pods(render(files=[file]))
    assert rendered
    for template in rendered:
        assert list(faults(template["spec"])) == []


@matrix
def test_a_pod_is_never_ready_never_restarted_and_has_time_to_report(file: Path) -> None:
    for template in pods(render(files=[file])):
        spec = template["spec"]
        assert spec["readinessGates"] == [{"conditionType": "netproof/receives-traffic"}]
        assert (spec["restartPolicy"], spec["enableServiceLinks"]) == ("Never", False)
        assert spec["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"
        assert spec["terminationGracePeriodSeconds"] > deliver.LIMIT + heartbeat.LIMIT


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "netproof: allowPrivilegeEscalation"),
        ({"securityContext": {"capabilities": {"drop": []}}}, "netproof: capabilities"),
        ({"securityContext": {"privileged": True}}, "netproof: privileged"),
        ({"podSecurityContext": {"runAsNonRoot": None}}, "netproof: runAsNonRoot"),
        ({"podSecurityContext": {"runAsUser": 0}}, "netproof: runAsUser"),
        ({"podSecurityContext": {"seccompProfile": None}}, "netproof: seccompProfile"),
        ({"extraVolumes": [{"name": "node", "hostPath": {"path": "/"}}]}, "volume node"),
    ],
)
def test_the_restricted_profile_is_held_by_its_values(change: dict[str, Any], fault: str) -> None:
    objects = render(change, files=[CHART / "ci/one-values.yaml"])
    assert all(list(faults(template["spec"])) == [fault] for template in pods(objects))


@matrix
def test_no_channel_url_but_in_a_secret(file: Path) -> None:
    values = {
        "notifications": {"channels": {"mine": "json://s3cret.example.com"}},
        "heartbeat": {"url": "https://s3cret"},
    }
    objects = render(values, files=[file])
    assert any(each["kind"] == "Secret" for each in objects)
    assert "s3cret" not in str([each for each in objects if each["kind"] != "Secret"])


@pytest.mark.parametrize("file", [file for file in FILES if file.stem != "reporter-values"], ids=lambda file: file.stem)
def test_without_a_reporter_it_gives_itself_no_permission(file: Path) -> None:
    objects = render(files=[file])
    allowed = {"ConfigMap", "CronJob", "Job", "NetworkPolicy", "Secret", "ServiceAccount"}
    assert {each["kind"] for each in objects} <= allowed
    for each in [*kind(objects, "ServiceAccount").values(), *(template["spec"] for template in pods(objects))]:
        assert each["automountServiceAccountToken"] is False


@matrix
def test_names_are_unique_and_fit(file: Path) -> None:
    objects = render(files=[file])
    places = [_place(each) for each in objects]
    assert len(places) == len(set(places))
    assert all(len(name) <= 52 for name in kind(objects, "CronJob"))


def _place(each: Object) -> tuple[str, ...]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]
