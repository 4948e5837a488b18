"""The shape of netproof.yaml, as types: what is validated and published comes from here alone."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from checker.probes import KINDS
from checker.words import A_DURATION, DURATION, near_miss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checker.document import Document, Path_

Duration = (
    Annotated[
        str,
        Meta(pattern=DURATION, title=A_DURATION),
    ]
    | Literal[0]
)
Target = Annotated[
    str,
    Meta(
        min_length=1,
        title="a target such as mongo.db:27017 or https://api.example.com/healthz",
        description="host:port (TCP), tcp://, udp://, http://, https://, dns://name[@server] or sandbox://check.",
    ),
]
Words = Annotated[str, Meta(max_length=1000, title="text of at most 1000 characters")]


class Defaults(Struct, forbid_unknown_fields=True):
    """Settings of every check that does not say otherwise."""

    timeout: Duration | None = None
    closed: Literal["violation", "pass"] | None = None


class Vantage(Struct, forbid_unknown_fields=True, rename="camel"):
    """Where the run probes from. Told in the report, never acted on."""

    name: Words | None = None
    cluster: Words | None = None
    namespace: Words | None = None
    node: Words | None = None
    labels: dict[str, str] | None = None
    vouched_by: dict[str, Words] | None = None


def _entry() -> type[Struct]:
    """Make the mapping form of a check: the keys of every check, and those of each kind."""
    keys: dict[str, Any] = {
        "target": Target | None,
        "name": Words | None,
        "because": Words | None,
        "timeout": Duration | None,
        "closed": Literal["violation", "pass"] | None,
        "control": bool | None,
        "every": bool | None,
    }
    for kind in KINDS.values():
        keys |= {key: hint | None for key, hint in get_type_hints(kind.settings).items()}
    members = [(key, hint, None) for key, hint in keys.items()]
    doc = "One check: a target (or a command and its name) and settings. Which settings it takes depends on its kind."
    return msgspec.defstruct("Check", members, forbid_unknown_fields=True, namespace={"__doc__": doc})


Check = _entry()


class Configuration(Struct, forbid_unknown_fields=True):
    """What netproof check runs: an allow list, a deny list, and how."""

    allow: list[Target | Check] | None = None  # type: ignore[valid-type]
    deny: list[Target | Check] | None = None  # type: ignore[valid-type]
    defaults: Defaults | None = None
    settle: Duration | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000, title="a whole number from 1 to 100000")] | None = None
    deadline: Duration | None = None
    isolated: bool | None = None
    role: Literal["vantage", "control"] | None = None
    vantage: Vantage | None = None
    notify: dict[str, Any] | None = None  # its keys belong to the notifications


def published(notify: type[Any]) -> dict[str, Any]:
    """Make the JSON Schema of the configuration, `notify` being the type of its notifications."""
    shapes = (Configuration, notify)
    (root, notified), definitions = msgspec.json.schema_components(shapes, ref_template="#/$defs/{name}")
    configuration = definitions[root["$ref"].rpartition("/")[2]]
    configuration["properties"]["notify"] = {"anyOf": [{"type": "null"}, notified]}
    for definition in definitions.values():  # of a dataclass, msgspec allows any other key; `validate` does not
        definition["additionalProperties"] = False
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "netproof.yaml"}
    return {**head, **root, "$defs": definitions}


def validate(document: Document, value: Any, shape: Any, path: Path_ = ()) -> None:
    """Keep every mistake in a value, not only the first, each with its place and the near miss."""
    shapes = get_args(shape) if get_origin(shape) in (Union, UnionType) else (shape,)
    generic = {get_origin(each): get_args(each) for each in shapes}
    items = generic.get(list) or generic.get(tuple)
    members = next(filter(None, map(_members, shapes)), None)
    if members and isinstance(value, dict):
        _validate_keys(document, value, members, path)
        if path not in document.wrong:
            _convert(document, value, shape, path)  # what the keys only do together
    elif items and isinstance(value, list):
        for index, each in enumerate(value):
            validate(document, each, items[0], (*path, index))
    elif dict in generic and isinstance(value, dict):
        for key, each in value.items():
            validate(document, each, generic[dict][1], (*path, key))
    elif value is not None or path not in document.wrong:  # else it is told already
        _convert(document, value, shape, path)


def _validate_keys(document: Document, value: Any, members: Mapping[str, tuple[Any, bool]], path: Path_) -> None:
    for key in value:
        if key in members:
            validate(document, value[key], members[key][0], (*path, key))
        else:
            document.mistake((*path, key), f"unknown key; {near_miss(key, members)}")
    for key in (key for key, (_, required) in members.items() if required and key not in value):
        document.mistake(path, f"`{key}` is missing")


def _convert(document: Document, value: Any, shape: Any, path: Path_) -> None:
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        found = "" if isinstance(value, dict) else f"found {_shown(value)}; "
        document.mistake(path, found + _expected(shape, error, value))


def _members(shape: Any) -> dict[str, tuple[Any, bool]] | None:
    """Give the keys of a mapping shape, each with its own shape and whether it must be there."""
    if isinstance(shape, type) and issubclass(shape, Struct):
        return {member.encode_name: (member.type, member.required) for member in msgspec.structs.fields(shape)}
    if is_dataclass(shape):
        return {key: (hint, False) for key, hint in get_type_hints(shape).items()}
    return None


def key_of_kind(key: str, kind: str) -> str | None:
    """Tell whose key it is when it is not one of this kind's, or None when all is well."""
    owners = [name for name, each in KINDS.items() if key in {field.name for field in fields(each.settings)}]
    if not owners or kind in owners:
        return None
    return f"is a setting of {' and '.join(owners)} targets, and this one is {kind}"


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    text = "nothing" if value is None else repr(value)
    return text if len(text) < 60 else f"{text[:56]}…'"


def _expected(shape: Any, error: msgspec.ValidationError, value: Any) -> str:
    for each in get_args(shape) if get_origin(shape) in (Union, UnionType) else (shape,):
        words = get_args(each)
        if get_origin(each) is Literal and all(isinstance(word, str) for word in words):
            near = near_miss(str(value), words)
            return f"expected {' or '.join(words)}{f'; {near}' if near.endswith('?') else ''}"
        titles = [meta.title for meta in getattr(each, "__metadata__", ()) if meta.title]
        if titles:
            return f"expected {titles[0]}"
    if not str(error).startswith("Expected "):
        return str(error)
    text = str(error).removeprefix("Expected ").partition(", got ")[0].replace(" | null", "").replace(" | object", "")
    return f"expected {' or '.join(_PLAIN.get(word, word) for word in text.strip('`').split(' | '))}"


_PLAIN = {"bool": "true or false", "str": "text", "int": "a whole number", "array": "a list", "object": "a mapping"}
