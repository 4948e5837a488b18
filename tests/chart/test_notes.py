"""What Helm prints after an installation: the commands that come next, on one screen."""

from typing import Any

from tests.chart.chart import CHART, ONE, helm


def notes(values: dict[str, Any]) -> str:
    done = helm("install", "np", str(CHART), "-n", "shop", "--dry-run=client", values={**ONE, **values})
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_commands_have_the_names_of_the_release() -> None:
    text = notes({})
    assert "kubectl create job -n shop --from=cronjob/np-netproof np-netproof-now" in text
    assert "kubectl logs -n shop -f job/np-netproof-now" in text
    assert "kubectl get jobs -n shop -l netproof-release=np" in text
    assert "helm test np -n shop" in text
    assert "helm test" not in notes({"tests": {"enabled": False}})


def test_a_hundred_vantages_are_a_count() -> None:
    text = notes({"vantages": {f"v{n}": {"namespace": f"n{n % 7}", "podLabels": {"app": "a"}} for n in range(100)}})
    assert "100 vantages in 7 namespaces" in text
    assert "kubectl get jobs -A -l netproof-release=np" in text
    assert len(text.splitlines()) <= 25
    assert max(map(len, text.splitlines())) <= 120


def test_a_release_without_a_control_has_a_warning() -> None:
    assert "NO CONTROL" in notes({})
    assert "NO CONTROL" not in notes({"control": {"enabled": True}})


def test_the_page_of_the_reporter_has_a_command() -> None:
    command = "kubectl port-forward -n shop deployment/np-netproof-reporter 8081"
    assert command in notes({"reporter": {"enabled": True}})
    assert command not in notes({})


def test_a_continuous_release_has_pods_and_no_jobs() -> None:
    text = notes({"mode": "continuous"})
    assert "kubectl get pods -n shop -l netproof-release=np" in text
    assert "kubectl logs -n shop --previous deployment/np-netproof" in text
    assert "kubectl get jobs" not in text


def test_lists_that_the_control_cannot_read_are_named() -> None:
    control = {"enabled": True, "targets": {"deny": ["mongo.db:27017"]}}
    assert "shop/policies" in notes({"existingConfigMap": "policies", "control": control})


def test_the_hint_about_channels() -> None:
    assert "kubectl create secret generic netproof-channels -n shop" in notes({})
    assert "kubectl create secret" not in notes({"notifications": {"existingSecret": "mine"}})
    assert "for trials" not in notes({"notifications": {"existingSecret": "mine"}})
    assert "for trials" in notes({"notifications": {"channels": {"a": "json://s3cret"}}})


def test_no_secret_is_printed() -> None:
    assert "s3cret" not in notes(
        {"notifications": {"channels": {"a": "json://s3cret"}}, "heartbeat": {"url": "https://s3cret"}}
    )


def test_labels_of_an_application_are_mentioned_where_there_are_any() -> None:
    assert "podLabels" not in notes({})
    assert "podLabels" in notes({"podLabels": {"app": "shop"}})
