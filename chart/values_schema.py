"""Writes values.schema.json and files/kinds.json: `python chart/values_schema.py`.

The configuration of the checker comes from `netproof schema`, the kinds of target from the checker, and the types of
Kubernetes from its newest release in kubernetes-validate. The rest is written here. Helm supports draft-07. If an
`anyOf` fails, Helm does not name the wrong key, so alternatives are merged into one schema with several types.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from checker.model import Probe
from checker.probes import KINDS, sandbox
from checker.target import FORMS, LONGEST

Schema = dict[str, Any]
TARGET = Path(__file__).with_name("values.schema.json")
TARGETS = Path(__file__).parent / "files" / "kinds.json"
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"  # RFC 1123
NAME = rf"{LABEL}(\.{LABEL})*"  # of most objects of Kubernetes
IMAGE = "[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-zA-Z0-9._-]+)*/?"  # a registry, a repository, or both

# Hosts and ports as RE2 patterns, without regard to case. A name whose last label is a number must be an IPv4 address.
_OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_LAST = r"(\d*[a-z_]|\d+-[a-z0-9_-]*[a-z0-9_])([a-z0-9_-]*[a-z0-9_])?"
HOST = rf"(\[[0-9a-f:.]+\]|({_OCTET}\.){{3}}{_OCTET}|({_LABEL}\.)*{_LAST}\.?)"
PORT = r":0*([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
# The setting that a kind requires on the allow list. In the checker, this is code, not part of the schema.
NEEDS = {"udp": "payload"}
# Keys of a check that belong to one list alone.
ONLY_ON = {"every": "allow", "proxy": "allow", "closed": "deny", "control": "deny", "attempts": "deny"}

# Keys of netproof.yaml that are elsewhere in the values, or that the templates write.
ELSEWHERE = {"allow", "deny", "defaults", "isolated", "role", "vantage", "notify"}

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def mapping(**properties: Schema) -> Schema:
    """Describe a mapping with these keys and no others."""
    return {"type": ["object"], "properties": properties, "additionalProperties": False}


def words(values: Schema | None = None, names: str = "") -> Schema:
    """Describe a mapping of free keys; names is a pattern. Helm reports the wrong place for propertyNames."""
    values = values or text()
    allowed = {"patternProperties": {names: values}, "additionalProperties": False}
    return {"type": ["object", "null"], **(allowed if names else {"additionalProperties": values})}


def text(pattern: str = "", most: int = 0) -> Schema:
    """Describe a text. It may be empty: many defaults are."""
    limits: Schema = {"pattern": f"^$|^{pattern}$"} if pattern else {}
    return {"type": ["string", "null"], **limits} | ({"maxLength": most} if most else {})


def number(least: int = 0) -> Schema:
    """Describe a whole number."""
    return {"type": ["integer", "null"], "minimum": least}


def items(of: Schema) -> Schema:
    """Describe a list."""
    return {"type": ["array", "null"], "items": of}


def choice(*values: str) -> Schema:
    """Describe a word out of a few, or none."""
    return {"enum": [*values, None]}


def ref(name: str) -> Schema:
    """Refer to a definition."""
    return {"$ref": f"#/definitions/{name}"}


BOOL: Schema = {"type": ["boolean", "null"]}
STATUS: Schema = {"pattern": "^[1-5][0-9x]{2}$", "minimum": 100, "maximum": 599}
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/][A-Za-z0-9+/=]))$"
_PART = r"([0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h))*"
POSITIVE = rf"^{_PART}([0-9.]*[1-9][0-9.]*(ms|s|m|h)){_PART}$"
OBJECTS = items({"type": "object"})


def kinds() -> dict[str, Any]:
    """Describe what follows `kind://` in targets of each kind, and the settings of their checks."""
    return {name: kind(name, each) for name, each in KINDS.items()}


def kind(name: str, of: type[Probe]) -> dict[str, Any]:
    """Describe one kind: its form in words and as a pattern, its default port and its settings."""
    form = FORMS[name]
    here, pattern = "host:port", HOST + PORT
    if form.port is not None:
        here, pattern = "host[:port]", f"{HOST}({PORT})?"
    if form.path:
        here, pattern = f"{here}[/path]", pattern + "([/?][!$-~]*)?"
    if form.name:
        here, pattern = f"name[@{here}]", f"{HOST}(@{pattern})?"
    if not form.host:
        here, pattern = "name", "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    lists = {}
    if of is sandbox.Sandbox:
        lists = {each: "allow" if each == "user-namespace" else "deny" for each in sandbox.CHECKS}
        here, pattern = " or ".join(lists), "|".join(lists)
    about = {
        "form": here if name == "tcp" else f"{name}://{here}",
        "pattern": f"({pattern})",
        "port": form.port,
        "settings": sorted(of.__dataclass_fields__),
        "needs": NEEDS.get(name),  # a setting that the allow list requires
        "lists": lists,  # the list on which each name belongs
        "own": of.own,  # about the container itself: no control can check it
    }
    return {key: value for key, value in about.items() if value}


class Checker:
    """The configuration of the checker, as draft-07 without alternatives."""

    def __init__(self) -> None:
        printed = subprocess.run([sys.executable, "-m", "netproof", "schema"], capture_output=True, check=True)
        self.types: dict[str, Schema] = json.loads(printed.stdout)["$defs"]

    def property(self, of: str, name: str) -> Schema:
        """Translate one key of a type."""
        return self.folded(self.types[of]["properties"][name])

    def mapping(self, of: str) -> Schema:
        """Translate a type."""
        keys = self.types[of]
        properties = {name: self.property(of, name) for name in keys["properties"]}
        return {**mapping(**properties), **({"required": keys["required"]} if keys.get("required") else {})}

    def folded(self, schema: Schema) -> Schema:
        """Merge alternatives into one schema: their types differ, and each keyword is about one type only."""
        whole: Schema = {"type": []}
        for part in schema.get("anyOf", [schema]):
            single = self.single(part)
            whole["type"] += single.pop("type")
            whole |= single
        return whole

    def single(self, schema: Schema) -> Schema:
        """Translate a schema without alternatives. An enum becomes a keyword that is about one type only."""
        if "$ref" in schema:
            return self.mapping(schema["$ref"].rpartition("/")[2])
        if "enum" in schema:
            values = schema["enum"]
            if all(isinstance(value, str) for value in values):
                return {"type": ["string"], "pattern": f"^({'|'.join(values)})$"}
            return {"type": ["integer"], "minimum": min(values), "maximum": max(values)}
        if schema["type"] == "array":
            limits: dict[str, Any] = {key: schema[key] for key in ("minItems", "maxItems") if key in schema}
            return {"type": ["array"], "items": self.folded(schema["items"]), **limits}
        kept = {"minimum", "maximum", "minLength", "maxLength", "pattern"}
        return {"type": [schema["type"]], **{key: value for key, value in schema.items() if key in kept}}


class Kubernetes:
    """Types of Kubernetes, each once, under its own name."""

    def __init__(self) -> None:
        folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
        newest = f"v{kubernetes_validate.latest_version()}-local"
        self.types: dict[str, Schema] = json.loads((folder / newest / "_definitions.json").read_bytes())["$defs"]
        self.used: dict[str, Schema] = {}

    def property(self, of: str, name: str) -> Schema:
        """Take one key of a type."""
        return self.plain(self.types[f"io.k8s.api.{of}"]["properties"][name])

    def plain(self, schema: Schema) -> Schema:
        """Leave out the descriptions, refuse unknown keys, and allow null, which removes a key."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            short = name.rpartition(".")[2]
            if short not in self.used:
                self.used[short] = {}
                self.used[short] = self.plain(self.types[name])
            return ref(short)
        if "oneOf" in schema:  # a Quantity, a port: text or number
            return {"type": ["string", "number", "null"]}
        plain: Schema = {
            "type": [*{*([schema["type"]] if isinstance(schema["type"], str) else schema["type"]), "null"}]
        }
        plain["type"].sort()
        if "properties" in schema:
            plain["properties"] = {key: self.plain(value) for key, value in schema["properties"].items()}
            plain["additionalProperties"] = False
        elif isinstance(schema.get("additionalProperties"), dict):
            plain["additionalProperties"] = self.plain(schema["additionalProperties"])
        if "items" in schema:
            plain["items"] = self.plain(schema["items"])
        return plain


def nullable(schema: Schema) -> Schema:
    """Allow null, with which a later values file removes a key of an earlier one."""
    return schema | {"type": [*schema["type"], "null"]}


def nullables(properties: dict[str, Schema]) -> dict[str, Schema]:
    """Allow null for every mapping: in a values file, a key with nothing below it is null."""
    return {name: nullable(each) if each.get("type") == ["object"] else each for name, each in properties.items()}


def only_on(check: Schema, name: str) -> Schema:
    """Leave out the keys of a check that belong to the other list."""
    keys = {key: each for key, each in check["properties"].items() if ONLY_ON.get(key, name) == name}
    return check | {"properties": keys}


def emptyable(schema: Schema) -> Schema:
    """Allow the empty text, which means the default of the chart."""
    return schema | {"pattern": f"^$|{schema['pattern']}"}


def schema() -> Schema:
    """Make the whole schema."""
    checker, kubernetes = Checker(), Kubernetes()
    pod, container = "core.v1.PodSpec", "core.v1.Container"
    pull_secrets = items({"type": ["string", "object"], "properties": {"name": text()}, "additionalProperties": False})

    settings = {name: checker.property("Configuration", name) for name in checker.types["Configuration"]["properties"]}
    settings = {name: value for name, value in settings.items() if name not in ELSEWHERE}
    settings |= {name: checker.property("Defaults", name) for name in checker.types["Defaults"]["properties"]}
    settings["deadline"] = emptyable(settings["deadline"] | {"pattern": POSITIVE})

    entry = checker.mapping("Check") | {"type": ["string", "object"], "minLength": 1}
    keys = entry["properties"]
    entry["maxLength"] = keys["target"]["maxLength"] = LONGEST
    keys["timeout"] |= {"pattern": POSITIVE}
    keys["status"] = {"type": ["integer", "string", "array", "null"], **STATUS, "items": STATUS}
    for key in ("payload", "reply"):
        keys[key]["minLength"] = 1
        keys[key]["properties"]["hex"]["pattern"] = "^([0-9a-fA-F]{2}\\s*)+$"
        keys[key]["properties"]["base64"]["pattern"] = BASE64
        keys[key] |= {"minProperties": 1, "maxProperties": 1}
    settings["timeout"] |= {"pattern": POSITIVE}
    entries = {name: only_on(entry, name) for name in ("allow", "deny")}
    targets = mapping(**{name: items(ref(name)) for name in entries})
    duration = {"type": ["string", "null"], "pattern": POSITIVE}
    occasions = checker.property("Notify", "notifyOn")

    # The values of a vantage, which are also those of the release for all its vantages.
    vantage: dict[str, Schema] = {
        "targets": targets,
        "existingConfigMap": text(),
        "isolated": BOOL,
        "settings": mapping(**settings),
        "cluster": text(),
        "notifications": mapping(
            notifyOn=occasions,
            sendTo=items({"type": "string", "minLength": 1}),
            existingSecret=text(),
            existingSecrets=items(
                {
                    "type": ["string", "object"],
                    "minLength": 1,
                    "properties": {"name": {"type": "string", "minLength": 1}, "keys": items({"type": "string"})},
                    "required": ["name"],
                    "additionalProperties": False,
                }
            ),
            channels=words({"type": ["string", "null"], "minLength": 1}, "^[-._a-zA-Z0-9]+$"),
            templates=words(names="^[-._a-zA-Z0-9]+\\.j2$"),
            runbookUrl=emptyable(checker.property("Notify", "runbookUrl")),
        ),
        "heartbeat": mapping(existingSecret=text(), url=text()),  # no pattern: Helm prints a value that does not match
        "networkPolicy": mapping(
            enabled=BOOL,
            dns=kubernetes.property("networking.v1.NetworkPolicyEgressRule", "to"),
            egress=kubernetes.property("networking.v1.NetworkPolicySpec", "egress"),
        ),
        "mode": choice("cronjob", "continuous"),
        "continuous": mapping(every=duration, inconclusive=number(1), ready=BOOL),
        "podLabels": words(),
        "podAnnotations": words(),
        "image": mapping(
            registry=text(IMAGE),
            repository=text(IMAGE),
            tag=text("[a-zA-Z0-9_][a-zA-Z0-9_.-]*", 128),
            digest=text("sha256:[a-f0-9]{64}"),
            pullPolicy=choice("Always", "IfNotPresent", "Never"),
        ),
        "imagePullSecrets": pull_secrets,
        "cronjob": mapping(
            schedule=text(),
            timeZone=text(),
            suspend=BOOL,
            concurrencyPolicy=choice("Allow", "Forbid", "Replace"),
            startingDeadlineSeconds=number(),
            successfulJobsHistoryLimit=number(),
            failedJobsHistoryLimit=number(),
            labels=words(),
            annotations=words(),
        ),
        "job": mapping(
            backoffLimit=number(),
            activeDeadlineSeconds=number(1),
            ttlSecondsAfterFinished=number(),
            podFailurePolicy=kubernetes.property("batch.v1.JobSpec", "podFailurePolicy"),
            labels=words(),
            annotations=words(),
        ),
        "podSecurityContext": kubernetes.property(pod, "securityContext"),
        "securityContext": kubernetes.property(container, "securityContext"),
        "resources": kubernetes.property(container, "resources"),
        "nodeSelector": words(),
        "tolerations": kubernetes.property(pod, "tolerations"),
        "affinity": kubernetes.property(pod, "affinity"),
        "topologySpreadConstraints": kubernetes.property(pod, "topologySpreadConstraints"),
        "priorityClassName": text(NAME, 253),
        "runtimeClassName": text(NAME, 253),
        "schedulerName": text(),
        "hostAliases": kubernetes.property(pod, "hostAliases"),
        "dnsPolicy": choice("", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "dnsConfig": kubernetes.property(pod, "dnsConfig"),
        "extraArgs": items({"type": "string"}),
        "extraEnv": kubernetes.property(container, "env"),
        "extraEnvFrom": kubernetes.property(container, "envFrom"),
        "initContainers": kubernetes.property(pod, "initContainers"),
        "extraContainers": kubernetes.property(pod, "containers"),
        "extraVolumes": OBJECTS,
        "extraVolumeMounts": kubernetes.property(container, "volumeMounts"),
        "serviceAccount": mapping(create=BOOL, name=text(NAME, 253), annotations=words(), automount=BOOL),
    }
    shared = {name: ref(f"vantage/properties/{name}") for name in vantage}
    place = {"namespace": text(LABEL, 63)}
    release: dict[str, Schema] = {
        "global": {  # of all charts of a release, so other keys may be there
            "type": ["object"],
            "properties": {"imageRegistry": text(IMAGE), "imagePullSecrets": pull_secrets},
        },
        "enabled": BOOL,
        "nameOverride": text(LABEL),
        "fullnameOverride": text(LABEL),
        "namespaceOverride": text(LABEL, 63),
        "commonLabels": words(),
        "commonAnnotations": words(),
        "commonTargets": targets,
        "vantages": words(ref("vantage")),
        "control": mapping(
            enabled=BOOL, **place, **{name: value for name, value in shared.items() if name != "isolated"}
        ),
        "reporter": mapping(
            enabled=BOOL,
            interval=duration,
            remindEvery=duration,
            groupWithin=duration,
            digest=text(),
            digestChannels=items({"type": "string", "minLength": 1}),
            podLabels=words(),
            podAnnotations=words(),
            resources=shared["resources"],
            serviceAccount=mapping(create=BOOL, name=text(NAME, 253), annotations=words()),
        ),
        "serviceMonitor": mapping(enabled=BOOL, namespace=text(LABEL, 63), labels=words(), interval=text()),
        "prometheusRule": mapping(enabled=BOOL, namespace=text(LABEL, 63), labels=words(), extraRules=OBJECTS),
        "dashboard": mapping(enabled=BOOL, namespace=text(LABEL, 63), labels=words(), annotations=words()),
        "clusterDomain": text(),
        "tests": mapping(enabled=BOOL),
        "extraObjects": items({"type": ["object", "string"]}),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by chart/values_schema.py; change it there.",
        **mapping(**nullables(release), **shared),
        "definitions": {
            **entries,
            "vantage": nullable(mapping(enabled=BOOL, **place, **nullables(vantage))),
            **dict(sorted(kubernetes.used.items())),
        },
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(schema(), indent=2) + "\n")
    TARGETS.write_text(json.dumps(kinds(), indent=2) + "\n")
