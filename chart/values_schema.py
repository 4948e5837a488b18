"""Writes values.schema.json: `python chart/values_schema.py`.

What the checker reads comes from `netproof schema`, what Kubernetes reads from the schemas of its newest release that
kubernetes-validate holds; the rest is said here. Helm knows draft-07, and tells of an `anyOf` only that it failed:
alternatives are therefore folded into one schema with several types, whose messages name the key that is wrong.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

Schema = dict[str, Any]
TARGET = Path(__file__).with_name("values.schema.json")
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"  # RFC 1123

# Keys of netproof.yaml that have another place in the values, or are written by the templates.
ELSEWHERE = {"allow", "deny", "defaults", "isolated", "role", "vantage", "notify"}

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def mapping(**properties: Schema) -> Schema:
    """Describe a mapping with these keys and no others."""
    return {"type": ["object"], "properties": properties, "additionalProperties": False}


def words(values: Schema | None = None, names: Schema | None = None) -> Schema:
    """Describe a mapping of free keys."""
    schema: Schema = {"type": ["object", "null"], "additionalProperties": values or text()}
    return schema | ({"propertyNames": names} if names else {})


def text(pattern: str = "", most: int = 0) -> Schema:
    """Describe a text, which may be empty, as by default it often is."""
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
OBJECTS = items({"type": "object"})


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
        """Fold alternatives into one: their types exclude each other, and each keyword speaks of one type only."""
        whole: Schema = {"type": []}
        for part in schema.get("anyOf", [schema]):
            single = self.single(part)
            whole["type"] += single.pop("type")
            whole |= single
        return whole

    def single(self, schema: Schema) -> Schema:
        """Translate what is no alternative. An enum speaks of all types, so it becomes what speaks of one."""
        if "$ref" in schema:
            return self.mapping(schema["$ref"].rpartition("/")[2])
        if "enum" in schema:
            values = schema["enum"]
            if all(isinstance(value, str) for value in values):
                return {"type": ["string"], "pattern": f"^({'|'.join(values)})$"}
            return {"type": ["integer"], "minimum": min(values), "maximum": max(values)}
        if schema["type"] == "array":
            return {"type": ["array"], "items": self.folded(schema["items"])}
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
        """Leave out the prose, refuse unknown keys, and allow null, which takes a key away."""
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
    """Allow null, with which a later values file takes a key of an earlier one away."""
    return schema | {"type": [*schema["type"], "null"]}


def emptyable(schema: Schema) -> Schema:
    """Allow the empty text, which leaves it to the chart."""
    return schema | {"pattern": f"^$|{schema['pattern']}"}


def schema() -> Schema:
    """Make the whole schema."""
    checker, kubernetes = Checker(), Kubernetes()
    pod, container = "core.v1.PodSpec", "core.v1.Container"
    pull_secrets = items({"type": ["string", "object"], "properties": {"name": text()}, "additionalProperties": False})

    settings = {name: checker.property("Configuration", name) for name in checker.types["Configuration"]["properties"]}
    settings = {name: value for name, value in settings.items() if name not in ELSEWHERE}
    settings |= {name: checker.property("Defaults", name) for name in checker.types["Defaults"]["properties"]}
    settings["deadline"] = emptyable(settings["deadline"])

    entry = checker.mapping("Check") | {"type": ["string", "object"], "minLength": 1}
    targets = mapping(allow=items(ref("target")), deny=items(ref("target")))
    occasions = checker.property("Notify", "on")

    # What a vantage may say for itself, which is also what the release says for all of them.
    vantage: dict[str, Schema] = {
        "targets": targets,
        "existingConfigMap": text(),
        "isolated": BOOL,
        "settings": mapping(**settings),
        "cluster": text(),
        "notifications": mapping(
            on=occasions,
            true=occasions,  # how Helm's YAML 1.1 reads a plain `on`
            existingSecret=text(),
            channels=words({"type": "string", "minLength": 1}, {"pattern": "^[-._a-zA-Z0-9]+$"}),
            templates=words({"type": "string"}, {"pattern": "^[-._a-zA-Z0-9]+\\.j2$"}),
            runbookUrl=emptyable(checker.property("Notify", "runbookUrl")),
        ),
        "heartbeat": mapping(existingSecret=text(), url=text("https?://\\S+")),
        "podLabels": words(),
        "podAnnotations": words(),
        "image": mapping(
            registry=text(),
            repository={"type": "string", "minLength": 1},
            tag=text(),
            digest=text("sha256:[a-f0-9]{64}"),
            pullPolicy=choice("Always", "IfNotPresent", "Never"),
        ),
        "imagePullSecrets": pull_secrets,
        "cronjob": mapping(
            schedule={"type": "string", "minLength": 1},
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
        "priorityClassName": text(),
        "runtimeClassName": text(),
        "hostAliases": kubernetes.property(pod, "hostAliases"),
        "dnsPolicy": choice("", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "dnsConfig": kubernetes.property(pod, "dnsConfig"),
        "extraArgs": items({"type": "string"}),
        "extraEnv": kubernetes.property(container, "env"),
        "extraEnvFrom": kubernetes.property(container, "envFrom"),
        "extraVolumes": OBJECTS,
        "extraVolumeMounts": kubernetes.property(container, "volumeMounts"),
        "serviceAccount": mapping(create=BOOL, name=text(), annotations=words(), automount=BOOL),
    }
    shared = {name: ref(f"vantage/properties/{name}") for name in vantage}
    place = {"namespace": text(LABEL, 63)}
    release: dict[str, Schema] = {
        "global": {  # a parent chart has more to say there
            "type": ["object"],
            "properties": {"imageRegistry": text(), "imagePullSecrets": pull_secrets},
        },
        "enabled": {"type": "boolean"},
        "nameOverride": text(LABEL),
        "fullnameOverride": text(LABEL),
        "namespaceOverride": text(LABEL, 63),
        "commonLabels": words(),
        "commonAnnotations": words(),
        "commonTargets": targets,
        "vantages": words(ref("vantage"), {"pattern": f"^{LABEL}$", "maxLength": 63}),
        "control": mapping(
            enabled=BOOL, **place, **{name: value for name, value in shared.items() if name != "isolated"}
        ),
        "extraObjects": items({"type": ["object", "string"]}),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by chart/values_schema.py; change it there.",
        **mapping(**release, **shared),
        # What a null would take away whole, and the templates look into.
        "required": sorted(name for name, value in {**release, **vantage}.items() if value.get("type") == ["object"]),
        "definitions": {
            "target": entry,
            "vantage": nullable(mapping(**place, **vantage)),
            **dict(sorted(kubernetes.used.items())),
        },
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(schema(), indent=2) + "\n")
