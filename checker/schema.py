"""The types of netproof.yaml: the configuration is validated with them, and the JSON Schema is made from them."""

from collections.abc import Iterator, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import msgspec
from msgspec import Meta, Struct

from checker.document import Document, Keys
from checker.probes import KINDS
from checker.words import A_DURATION, DURATION, POSITIVE, near_miss

Duration = Annotated[str, Meta(pattern=POSITIVE, title=f"{A_DURATION}, longer than 0")]
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


def _struct(name: str, doc: str | None, keys: dict[str, Any]) -> type[Struct]:
    members = [(key, hint | None, None) for key, hint in keys.items()]
    return msgspec.defstruct(name, members, forbid_unknown_fields=True, namespace={"__doc__": doc})


@cache
def _strict(hint: Any) -> Any:
    """Replace each TypedDict in a type by a type that refuses other keys, which msgspec does only for its own."""
    if is_typeddict(hint):
        return _struct(hint.__name__, hint.__doc__, get_type_hints(hint))
    return Union[tuple(map(_strict, get_args(hint)))] if get_origin(hint) in (Union, UnionType) else hint  # noqa: UP007


_KEYS: dict[str, Any] = {
    "target": Target,
    "name": Words,
    "because": Words,
    "controls": Annotated[list[Control], Meta(max_length=20, title="a list of at most 20 texts")],
    "timeout": Duration,
    "attempts": Annotated[int, Meta(ge=1, le=100, title="a whole number from 1 to 100")],
    "closed": Literal["violation", "pass"],
    "control": bool,
    "every": bool,
}
Check = _struct(
    "Check",
    "One check: a target (or a command and its name) and settings. Which settings it takes depends on its kind.",
    _KEYS | {key: _strict(hint) for kind in KINDS.values() for key, hint in get_type_hints(kind).items()},
)
_DEFAULTS = {key: _KEYS[key] for key in ("timeout", "attempts", "closed")}
Defaults = _struct("Defaults", "Settings of every check that has none of its own.", _DEFAULTS)
_VANTAGE = dict.fromkeys(("name", "cluster", "namespace", "node"), Words) | {"labels": dict[str, str | None]}
Vantage = _struct("Vantage", "Where the run probes from: part of the report, nothing else depends on it.", _VANTAGE)
Targets = Annotated[list[Target | Check], Meta(title="a list of targets, [] for none")]  # type: ignore[valid-type]


class Configuration(Struct, forbid_unknown_fields=True):
    """What netproof check runs: an allow list, a deny list, and how."""

    allow: Targets = []
    deny: Targets = []
    defaults: Defaults | None = None  # type: ignore[valid-type]
    settle: Annotated[str, Meta(pattern=DURATION, title=A_DURATION)] | Literal[0] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=100_000, title="a whole number from 1 to 100000")] | None = None
    deadline: Duration | None = None
    isolated: bool | None = None
    role: Literal["vantage", "control"] | None = None
    vantage: Vantage | None = None  # type: ignore[valid-type]


def configuration(notify: type[Any]) -> type[Struct]:
    """Complete the configuration with the type of its `notify` section, which belongs to the notifications."""
    section, doc = ("notify", notify | None, None), {"__doc__": Configuration.__doc__}
    return msgspec.defstruct("Configuration", [section], bases=(Configuration,), namespace=doc)


def published(notify: type[Any]) -> dict[str, Any]:
    """Make the JSON Schema of the configuration, `notify` being the type of its notifications."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "netproof.yaml"}
    return {**head, **msgspec.json.schema(configuration(notify))}


def validate(document: Document, value: Any, shape: Any, path: Keys = ()) -> Any:
    """Return what is valid in a value. Keep every mistake in it, with its place and the near miss."""
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        types = list(_types(shape))
        inside = next(filter(None, (_inside(value, each) for each, _ in types)), {})
        valid = {}
        if inside:
            for key, each in value.items() if isinstance(value, dict) else enumerate(value):
                if key in inside:
                    valid[key] = validate(document, each, inside[key], (*path, key))
                else:
                    document.mistake((*path, key), f"unknown key; {near_miss(str(key), inside)}")
        if path not in document.faulty:
            refused = inside and isinstance(value, dict)  # by a rule of the type itself
            what = str(error) if refused else f"found {_shown(value)}; expected {_expected(types, value)}"
            document.mistake(path, what)
            return None
        if not inside:  # a duplicate key: its mistake is known already
            return None
        return list(valid.values()) if isinstance(value, list) else valid
    return value


def given(value: Any) -> Any:
    """Leave out the keys without a value: null means that a key is not set."""
    if isinstance(value, dict):
        return {key: given(each) for key, each in value.items() if each is not None}
    return list(map(given, value)) if isinstance(value, list) else value


def _types(shape: Any) -> Iterator[tuple[Any, str]]:
    """List the types that a value may have, each with its title."""
    for each in get_args(shape) if get_origin(shape) in (Union, UnionType) else (shape,):
        if get_origin(each) is Annotated:
            yield each.__origin__, next((meta.title for meta in each.__metadata__ if meta.title), "")
        elif each is not NoneType:
            yield each, ""


def _inside(value: Any, shape: Any) -> dict[Any, Any]:
    """Return the types of the parts of a list or a mapping, by index or key; nothing if it may not have any."""
    inner, origin = get_args(shape), get_origin(shape)
    if isinstance(value, list) and origin in (list, tuple):
        return dict.fromkeys(range(len(value)), inner[0])
    if isinstance(value, dict) and origin is dict:
        return dict.fromkeys(value, inner[1])
    if isinstance(value, dict) and isinstance(shape, type) and issubclass(shape, Struct):
        return {member.encode_name: member.type for member in msgspec.structs.fields(shape)}
    return {}


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else "a mapping"
    if isinstance(value, str) and len(value) > 58:
        return f"{value[:55]!r}…"
    return "nothing" if value is None else repr(value)


def _expected(types: Sequence[tuple[Any, str]], value: Any) -> str:
    """Write what a value must be: the title of a type, its words, or the plain names of all types."""
    if titles := [title for _, title in types if title]:
        return titles[0]
    if words := [str(word) for each, _ in types if get_origin(each) is Literal for word in get_args(each)]:
        near = near_miss(str(value), words)
        return " or ".join(words) + (f"; {near}" if near.endswith("?") else "")
    return " or ".join(_NAMES.get(get_origin(each) or each, "a mapping") for each, _ in types)


_NAMES = {bool: "true or false", str: "text", int: "a whole number", list: "a list", tuple: "a list"}
