"""Values that cannot be meant are refused before anything is installed, with a message that names the key."""

import re
from typing import Any

import pytest

from tests.chart.chart import ONE, refusal

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tragets": {}}, "tragets"),
    ({"targets": {"alow": []}}, "targets.*alow"),
    ({"targets": {"deny": [{"target": "a:1", "tiemout": "3s"}]}}, "targets.deny.0.*tiemout"),
    ({"targets": {"deny": [{"because": "a"}]}}, "targets.deny.0.*target"),
    ({"targets": {"deny": [""]}}, "targets.deny.0"),
    ({"targets": {"deny": [5432]}}, "targets.deny.0.*(number|integer)"),
    ({"targets": {"deny": "a:1"}}, "targets.deny.*string"),
    ({"targets": {"deny": [{"target": "a:1", "timeout": 3}]}}, "targets.deny.0.timeout"),
    ({"targets": {"deny": [{"target": "a:1", "closed": "ok"}]}}, "targets.deny.0.closed.*(pass|violation)"),
    ({"commonTargets": {"deny": [{"target": "a:1", "name": 1}]}}, "commonTargets.deny.0.name"),
    ({"settings": {"settle": "10sec"}}, "settings.settle"),
    ({"settings": {"concurrency": 0}}, "settings.concurrency"),
    ({"settings": {"closed": True}}, "settings.closed"),
    ({"isolated": "yes"}, "isolated.*string"),
    ({"existingConfigMap": ["a"]}, "existingConfigMap.*array"),
    ({"notifications": {"on": ["alwys"]}}, "notifications.on.0.*always"),
    ({"notifications": {"channels": {"a b": "json://a"}}}, "a b"),
    ({"notifications": {"channels": {"a": ""}}}, "notifications.channels.a"),
    ({"notifications": {"templates": {"slack.txt": "x"}}}, "slack.txt"),
    ({"notifications": {"runbookUrl": "ftp://a"}}, "notifications.runbookUrl"),
    ({"heartbeat": {"url": "here"}}, "heartbeat.url"),
    ({"podLabels": {"a": 1}}, "podLabels.a"),
    ({"commonLabels": {"a": True}}, "commonLabels.a"),
    ({"cronjob": {"shedule": "@daily"}}, "cronjob.*shedule"),
    ({"cronjob": {"concurrencyPolicy": "forbid"}}, "cronjob.concurrencyPolicy.*Forbid"),
    ({"cronjob": {"failedJobsHistoryLimit": -1}}, "cronjob.failedJobsHistoryLimit"),
    ({"job": {"activeDeadlineSeconds": 0}}, "job.activeDeadlineSeconds"),
    ({"job": {"backoffLimit": "0"}}, "job.backoffLimit.*string"),
    ({"job": {"podFailurePolicy": {"rules": [{"actoin": "Ignore"}]}}}, "job.podFailurePolicy.rules.0.*actoin"),
    ({"image": {"digest": "sha256:1"}}, "image.digest"),
    ({"image": {"pullPolicy": "always"}}, "image.pullPolicy.*Always"),
    ({"image": None}, "image"),
    ({"securityContext": {"readOnlyRootFileSystem": True}}, "securityContext.*readOnlyRootFileSystem"),
    ({"podSecurityContext": {"runAsNonroot": True}}, "podSecurityContext.*runAsNonroot"),
    ({"resources": {"limts": {}}}, "resources.*limts"),
    ({"tolerations": [{"kye": "a"}]}, "tolerations.0.*kye"),
    ({"affinity": {"podAffinty": {}}}, "affinity.*podAffinty"),
    ({"extraEnv": [{"name": "A", "vlaue": "b"}]}, "extraEnv.0.*vlaue"),
    ({"extraVolumeMounts": [{"name": "a", "path": "/a"}]}, "extraVolumeMounts.0.*path"),
    ({"serviceAccount": {"automountToken": True}}, "serviceAccount.*automountToken"),
    ({"vantages": {"Shop": {}}}, "Shop"),
    ({"vantages": {"shop": {"podLables": {}}}}, "vantages.shop.*podLables"),
    (
        {"vantages": {"shop": {"targets": {"deny": [{"target": "a:1", "tiemout": "3s"}]}}}},
        "vantages.shop.targets.deny.0.*tiemout",
    ),
    ({"vantages": {"shop": {"namespace": "Shop"}}}, "vantages.shop.namespace"),
    ({"vantages": {"shop": {"cronjob": None}}}, "vantages.shop.cronjob"),
    ({"vantages": {"shop": {"extraObjects": []}}}, "vantages.shop.*extraObjects"),
    ({"control": {"isolated": True}}, "control.*isolated"),
    ({"control": {"enabled": "yes"}}, "control.enabled"),
    # What only the templates can see.
    ({"targets": {"allow": [], "deny": []}}, "nothing to check"),
    ({"targets": {"deny": ["a:1"]}}, "targets.allow: vantage .* deny list alone, which proves nothing"),
    ({"isolated": True}, "isolated: vantage .* no targets.allow"),
    ({"vantages": {"shop": {"isolated": True, "targets": {"allow": ["a:1"]}}}}, 'isolated: vantage "shop"'),
    (
        {"existingConfigMap": "lists", "control": {"enabled": True}},
        'existingConfigMap "lists".*cannot be read while rendering',
    ),
    (
        {"settings": {"deadline": "10m"}},
        r"settings.deadline: 10m is not shorter than job.activeDeadlineSeconds \(600\)",
    ),
    ({"settings": {"deadline": "1h"}, "vantages": {"shop": {}}}, 'settings.deadline: 1h .* vantage "shop"'),
    ({"vantages": {"control": {}}, "control": {"enabled": True}}, "vantages.control: this name is the control's"),
]


@pytest.mark.parametrize(("values", "says"), REFUSED, ids=[str(values) for values, _ in REFUSED])
@pytest.mark.parametrize("major", [4, 3])
def test_it_is_refused_by_its_name(values: dict[str, Any], says: str, major: int) -> None:
    message = refusal({**ONE, **values}, major)
    # Helm 4 writes a place as /targets/deny/0, Helm 3 as targets.deny.0
    spelled = message.replace("at '/", "at '").replace("/", ".")
    assert re.search(says, spelled), message


def test_what_is_refused_is_one_mistake_from_what_is_taken() -> None:
    with pytest.raises(AssertionError, match="Helm took the values"):
        refusal(ONE)
