"""The shape of netproof.yaml, as types: what is validated and published comes from here alone."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from checker.probes import KINDS
from checker.words import A_DURATION, DURATION, near_miss

if TYPE_CHECKING:
    from checker.document import Document, Path_

Duration = Annotated[str, Meta(pattern=DURATION, title=A_DURATION)] | Literal[0]
Target = Annotated[
    str,
    Meta(
        min_length=1,
        title="a target such as mongo.db:27017 or https://api.example.com/healthz",
        description="host:port (TCP), tcp://, udp://, http://, https://, dns://name[@server] or sandbox://check. "
        "Reports show a command as command://name.",
    ),
]
Words = Annotated[str, Meta(max_length=1000, title="text of at most 1000 characters")]
Control = Annotated[str, Meta(min_length=1, max_length=100, title="a short text such as PCI DSS 11.4.5")]
Controls = Annotated[list[Control], Meta(max_length=20, title="a list of at most 20 texts")]
Attempts = Annotated[int, Meta(ge=1, le=100, title="a whole number from 1 to 100")]


class Defaults(Struct, forbid_unknown_fields=True):
    """Settings of every check that has none of its own."""

    timeout: Duration | None = None
    attempts: Attempts | None = None
    closed: Literal["violation", "pass"] | None = None


class Vantage(Struct, forbid_unknown_fields=True):
    """Where the run probes from: part of the report, nothing else depends on it."""

    name: Words | None = None
    cluster: Words | None = None
    namespace: Words | None = None
    node: Words | None = None
    labels: dict[str, str] | None = None


def _struct(name: str, doc: str | None, keys: dict[str, Any]) -> type[Struct]:
    members = [(key, hint | None, None) for key, hint in keys.items()]
    return msgspec.defstruct(name, members, forbid_unknown_fields=True, namespace={"__doc__": doc})


@cache
def _strict(hint: Any) -> Any:
    """Replace the dataclasses in a type by types that refuse other keys, which msgspec does for its own alone."""
    if isinstance(hint, type) and is_dataclass(hint):
        return _struct(hint.__name__, hint.__doc__, get_type_hints(hint))
    return Union[tuple(map(_strict, get_args(hint)))] if get_origin(hint) is UnionType else hint  # noqa: UP007


Check = _struct(
    "Check",
    "One check: a target (or a command and its name) and settings. Which settings it takes depends on its kind.",
    {
        "target": Target,
        "name": Words,
        "because": Words,
        "controls": Controls,
        "timeout": Duration,
        "attempts": Attempts,
        "closed": Literal["violation", "pass"],
        "control": bool,
        "every": bool,
    }
    | {key: _strict(hint) for kind in KINDS.values() for key, hint in get_type_hints(kind.settings).items()},
)
Targets = Annotated[list[Target | Check], Meta(title="a list of targets, [] for none")]  # type: ignore[valid-type]


class Configuration(Struct, forbid_unknown_fields=True):
    """What netproof check runs: an allow list, a deny list, and how."""

    allow: Targets = []
    deny: Targets = []
    defaults: Defaults | None = None
    settle: Duration | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000, title="a whole number from 1 to 100000")] | None = None
    deadline: Duration | None = None
    isolated: bool | None = None
    role: Literal["vantage", "control"] | None = None
    vantage: Vantage | None = None


def configuration(notify: type[Any]) -> type[Struct]:
    """Complete the configuration with the type of its `notify` section, which belongs to the notifications."""
    section, doc = ("notify", notify | None, None), {"__doc__": Configuration.__doc__}
    return msgspec.defstruct("Configuration", [section], bases=(Configuration,), namespace=doc)


def published(notify: type[Any]) -> dict[str, Any]:
    """Make the JSON Schema of the configuration, `notify` being the type of its notifications."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "netproof.yaml"}
    return {**head, **msgspec.json.schema(configuration(notify))}


def validate(document: Document, value: Any, shape: Any, path: Path_ = ()) -> None:
    """Keep every mistake in a value, not only the first, each with its place and the near miss."""
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        for each in _members(shape):
            _validate_inside(document, value, each, path)
        if not document.faulty(path):  # nothing inside is to blame
            found = "" if isinstance(value, dict) and "`" in str(error) else f"found {_shown(value)}; "
            document.mistake(path, found + _expected(shape, error, value))


def _validate_inside(document: Document, value: Any, shape: Any, path: Path_) -> None:
    inner = get_args(shape)
    if isinstance(value, list) and get_origin(shape) in (list, tuple):
        for index, each in enumerate(value):
            validate(document, each, inner[0], (*path, index))
    elif isinstance(value, dict) and get_origin(shape) is dict:
        for key, each in value.items():
            validate(document, each, inner[1], (*path, key))
    elif isinstance(value, dict) and isinstance(shape, type) and issubclass(shape, Struct):
        members = {member.encode_name: member for member in msgspec.structs.fields(shape)}
        for key, each in value.items():
            if key in members:
                validate(document, each, members[key].type, (*path, key))
            else:
                document.mistake((*path, key), f"unknown key; {near_miss(key, members)}")


def _members(shape: Any) -> tuple[Any, ...]:
    """List the types that a value may have, without what is said about them."""
    if get_origin(shape) in (Union, UnionType):
        return tuple(plain for each in get_args(shape) for plain in _members(each))
    return _members(shape.__origin__) if get_origin(shape) is Annotated else (shape,)


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    if isinstance(value, str) and len(value) > 58:
        return f"{value[:55]!r}…"
    return "nothing" if value is None else repr(value)


def _expected(shape: Any, error: msgspec.ValidationError, value: Any) -> str:
    for each in get_args(shape) if get_origin(shape) in (Union, UnionType) else (shape,):
        words = get_args(each)
        if get_origin(each) is Literal and all(isinstance(word, str) for word in words):
            near = near_miss(str(value), words)
            return f"expected {' or '.join(words)}{f'; {near}' if near.endswith('?') else ''}"
        titles = [meta.title for meta in words[1:] if isinstance(meta, Meta) and meta.title]
        if titles:
            return f"expected {titles[0]}"
    if not str(error).startswith("Expected "):
        return str(error)
    text = str(error).removeprefix("Expected ").partition(", got ")[0].replace(" | null", "").replace(" | object", "")
    return f"expected {' or '.join(_PLAIN.get(word, word) for word in text.strip('`').split(' | '))}"


_PLAIN = {"bool": "true or false", "str": "text", "int": "a whole number", "array": "a list", "object": "a mapping"}
