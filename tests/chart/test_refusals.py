"""Invalid values are refused before anything is installed, with a message that names the key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.chart import ONE, config, refusal, render

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tragets": {}}, "tragets"),
    ({"targets": {"alow": []}}, "targets.*alow"),
    ({"targets": {"deny": [{"target": "a:1", "tiemout": "3s"}]}}, "targets.deny.0.*tiemout"),
    ({"targets": {"deny": [{"because": "a"}]}}, "targets.deny of vantage .* neither `target` nor `command`"),
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
    ({"notifications": {"notifyOn": ["alwys"]}}, "notifications.notifyOn.0.*always"),
    ({"notifications": {"on": ["always"]}}, "notifications.*(on|true).*not allowed"),
    ({"notifications": {"channels": {"a b": "json://a"}}}, "notifications.channels.*a b"),
    ({"notifications": {"channels": {"a": ""}}}, "notifications.channels.a"),
    ({"notifications": {"templates": {"slack.txt": "x"}}}, "notifications.templates.*slack.txt"),
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
    ({"image": {"registry": "https://ghcr.io"}}, "image.registry"),
    ({"image": {"repository": "{{ .Release.Name }}"}}, "image.repository"),
    ({"image": {"tag": "1.0 "}}, "image.tag"),
    ({"global": {"imageRegistry": "a b"}}, "global.imageRegistry"),
    ({"image": {"pullPolicy": "always"}}, "image.pullPolicy.*Always"),
    ({"image": None}, "image.repository: vantage"),
    ({"image": {"repository": None}}, "image.repository: vantage"),
    ({"cronjob": {"schedule": None}}, "cronjob.schedule: vantage"),
    ({"securityContext": {"readOnlyRootFileSystem": True}}, "securityContext.*readOnlyRootFileSystem"),
    ({"podSecurityContext": {"runAsNonroot": True}}, "podSecurityContext.*runAsNonroot"),
    ({"resources": {"limts": {}}}, "resources.*limts"),
    ({"tolerations": [{"kye": "a"}]}, "tolerations.0.*kye"),
    ({"affinity": {"podAffinty": {}}}, "affinity.*podAffinty"),
    ({"extraEnv": [{"name": "A", "vlaue": "b"}]}, "extraEnv.0.*vlaue"),
    ({"extraVolumeMounts": [{"name": "a", "path": "/a"}]}, "extraVolumeMounts.0.*path"),
    ({"serviceAccount": {"name": "{{ .Release.Name }}"}}, "serviceAccount.name"),
    ({"reporter": {"serviceAccount": {"name": "Mine"}}}, "reporter.serviceAccount.name"),
    ({"priorityClassName": "very low"}, "priorityClassName"),
    ({"serviceAccount": {"automountToken": True}}, "serviceAccount.*automountToken"),
    ({"vantages": {"Shop": {}}}, "vantages.Shop: the name of a vantage consists of at most 63 lower-case letters"),
    ({"vantages": {"a" * 64: {}}}, "vantages.a{64}: the name of a vantage"),
    ({"vantages": {"shop": {"podLables": {}}}}, "vantages.shop.*podLables"),
    (
        {"vantages": {"shop": {"targets": {"deny": [{"target": "a:1", "tiemout": "3s"}]}}}},
        "vantages.shop.targets.deny.0.*tiemout",
    ),
    ({"vantages": {"shop": {"namespace": "Shop"}}}, "vantages.shop.namespace"),
    ({"vantages": {"shop": {"cronjob": None}}}, 'cronjob.schedule: vantage "shop"'),
    ({"vantages": {"shop": {"extraObjects": []}}}, "vantages.shop.*extraObjects"),
    ({"control": {"isolated": True}}, "control.*isolated"),
    ({"control": {"enabled": "yes"}}, "control.enabled"),
    # What only the templates can see.
    ({"targets": {"allow": [], "deny": []}}, "nothing to check"),
    ({"targets": {"deny": ["a:1"]}}, "targets.allow: vantage .* only a deny list, which proves nothing"),
    ({"isolated": True}, "isolated: vantage .* cannot have targets.allow"),
    ({"vantages": {"shop": {"isolated": True, "targets": {"allow": ["a:1"]}}}}, 'isolated: vantage "shop"'),
    (
        {"existingConfigMap": "lists", "control": {"enabled": True}},
        'existingConfigMap "lists".*cannot be read while rendering',
    ),
    (
        {"settings": {"deadline": "10m"}},
        r"settings.deadline: 10m is not shorter than job.activeDeadlineSeconds \(600\)",
    ),
    ({"settings": {"deadline": "600.5s"}}, "600.5s is not shorter"),
    ({"targets": {"deny": ["mongo.db"]}}, 'targets.deny of vantage "np-netproof": "mongo.db" .* write host:port'),
    ({"targets": {"deny": ["a:1", "htps://a"]}}, "unknown kind of target"),
    ({"commonTargets": {"deny": ["a:99999"]}}, '"a:99999" is not a valid target.* 65535'),
    ({"vantages": {"a": {"targets": {"deny": ["tcp://A:1", "a:1"]}}}}, "targets.deny of .* a:1 is a duplicate of"),
    ({"targets": {"allow": ["{{ .Release.Name }}"]}}, '"np" is not a valid target'),
    ({"cronjob": {"schedule": "H(50-70) * * * *"}}, "H.50-70. is not valid: the range must be within 0-59"),
    ({"cronjob": {"schedule": "0 0 H(0-5) * *"}}, "H.0-5. is not valid: the range must be within 1-28"),
    ({"cronjob": {"schedule": "H(9-3) * * * *"}}, "H.9-3. is not valid"),
    ({"cronjob": {"schedule": "1,H * * * *"}}, '"1,H" is not valid'),
    ({"cronjob": {"schedule": "* * *"}}, 'cronjob.schedule of vantage "np-netproof": "[*] [*] [*]" is not a schedule'),
    ({"cronjob": {"schedule": "TZ=UTC 0 * * * *"}}, "TZ=UTC .* is not a schedule"),
    ({"reporter": {"enabled": True, "digest": "Mondays"}}, 'reporter.digest: "Mondays" is not a schedule'),
    (
        {"reporter": {"enabled": True, "serviceAccount": {"name": "a"}}, "serviceAccount": {"name": "a"}},
        'reporter.serviceAccount.name: "a" is the service account of vantage "np-netproof"',
    ),
    ({"reporter": {"enabled": True}, "vantages": {"reporter-dashboard": {}}}, "is a name of the reporter"),
    ({"settings": {"deadline": "1h"}, "vantages": {"shop": {}}}, 'settings.deadline: 1h .* vantage "shop"'),
    (
        {"vantages": {"control": {}}, "control": {"enabled": True}},
        "vantages.control: control is the name",
    ),
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


# Files that the chart cannot judge: what is wrong with them is not in the values, or only the checker can see it.
UNSEEN = {
    *("ca-is-missing", "ipv6-nonsense", "host-too-long", "isolated-control", "cronjob", "label-is-a-number"),
    *("unknown-key-of-defaults", "unknown-key-of-notify", "unknown-key-of-vantage", "unknown-section"),
    *("truth-is-no-word", "nothing", "nothing-but-comments", "section-is-no-mapping", "vouched-by-no-target"),
    # YAML that Helm reads in another way, and that is gone when the chart sees the values.
    *("tag-binary", "alias-of-itself", "bomb", "key-twice", "key-twice-in-an-entry", "merge-key", "nested-too-deep"),
    *("twice-by-spelling-of-ipv6", "address-unspecified-ipv6", "address-unspecified", "ca-too-long", "nul-in-ca"),
    *("carriage-return", "line-separator", "list-of-nothing"),
}


def values_of(text: str) -> dict[str, Any] | None:
    """Put the keys of a netproof.yaml where the values have them. None when Helm could not have read it."""
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return None
    if not isinstance(read, dict):
        return None
    settings = {key: read[key] for key in ("settle", "concurrency", "deadline") if key in read}
    return {
        "targets": {key: read[key] for key in ("allow", "deny") if key in read},
        "settings": settings | (read.get("defaults") or {}),
        "notifications": read.get("notify"),
        "isolated": read.get("isolated"),
    }


BAD = sorted((Path(__file__).parents[1] / "checker/bad-config").glob("*.yaml"))


@pytest.mark.parametrize("file", [file for file in BAD if file.stem not in UNSEEN], ids=lambda file: file.stem)
def test_what_the_checker_refuses_is_not_installed(file: Path) -> None:
    values = values_of(file.read_text(errors="replace"))
    if values is None:
        return
    refusal(values)


URL = "json://user:password@host/token"


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("notifications.existingSecret", {"existingSecret": URL}),
        ("notifications.existingSecrets", {"existingSecrets": [URL]}),
        ("notifications.existingSecrets", {"existingSecrets": [{"name": URL}]}),
        ("notifications.existingSecret", {"existingSecret": "Chat_token"}),
        ("notifications.existingSecrets", {"existingSecrets": [{"name": "chat token"}]}),
        ("notifications.sendTo", {"sendTo": [URL]}),
        ("notifications.channels", {"channels": URL}),
        ("notifications.channels", {"channels": {"chat": [URL]}}),
        ("heartbeat.existingSecret", {"existingSecret": URL}),
        ("existingConfigMap", {"existingConfigMap": "Lists_token"}),
        ("heartbeat.url", {"url": URL}),
        ("reporter.digestChannels", {"enabled": True, "digestChannels": [URL]}),
    ],
)
@pytest.mark.parametrize("reporter", [True, False])
@pytest.mark.parametrize("major", [4, 3])
def test_what_is_no_name_of_an_object_or_no_url_is_refused_and_not_shown(
    place: str, values: dict[str, Any], reporter: bool, major: int
) -> None:
    part, _, key = place.partition(".")
    given = {"reporter": {"enabled": reporter}, part: values if key else values[part]}
    message = refusal({**ONE, **given}, major)
    assert place in message.replace("at '/", "at '").replace("/", ".")
    assert "token" not in message


def test_a_configuration_that_no_configmap_takes_is_refused_with_its_size() -> None:
    deny = [{"target": f"db{n}:5432", "because": "x" * 900} for n in range(1200)]
    message = refusal({"targets": {"allow": ["a:1"], "deny": deny}})
    assert re.search(r"configuration has 1[01]\d{5} bytes, and a ConfigMap takes 1048576 at most", message)


def test_a_deadline_with_a_fraction_is_read_without_the_clock() -> None:
    values = {**ONE, "settings": {"deadline": "599.5s"}}
    assert {config(render(values))["deadline"] for _ in range(3)} == {"599.5s"}
