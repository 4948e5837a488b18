"""The termination message: the report of a run in the 4,096 bytes that Kubernetes keeps of it.

`kubectl describe pod` shows it, so what a person needs stands first and is plain text: the verdict, the vantage and
the findings. All other checks follow in `packed`: as in the report but without their texts, deflated (RFC 1951, with
_DICTIONARY as preset dictionary) and in base 85. What does not fit is counted in `leftOut`; a reader must not take a
missing check for one that passes.
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from checker.model import Finding
from checker.report import VERSION, Check, Report, document, harmless

LARGEST = 4096
_LARGEST_HEAD = 2600
_LARGEST_LABELS = 1024
_LARGEST_UNPACKED = 1_000_000  # bytes
_LONGEST_TEXT = 160  # bytes of one text, as JSON
_LONGEST_LIST = 20
_MOST_SHOWN, _FEWEST_SHOWN, _MOST_PACKED = 40, 3, 1000  # checks
_FIRST = ("kind", "version", "verdict", "exitCode", "summary", "stopped", "error", "channels")
_THEN = ("vantage", "started", "duration", "netproof")
_PACKED = ("finding", "list", "target", "outcome", "expect", "verdict", "exempt", "proxied", "lag", "controls")
_READABLE = ("finding", "list", "target", "name", "outcome", "seen", "because", *_PACKED[4:])
_ORDER = {Finding.LEAK: 0, Finding.UNREACHABLE: 1, Finding.INCONCLUSIVE: 2, None: 3}
# What checks are made of, the most frequent last (zlib's advice).
_DICTIONARY = (
    b'"finding":"inconclusive""finding":"unreachable""finding":"leak""lag":"proxied":true,"controls":["exempt":true,'
    b'"untestable""unresolved""impossible""possible""unexpected""closed""rejected""violation"".internal:9092:15672:50051'
    b":2379:10250:6443:9200:11211:4222:5672:25:53:22:3000:9090:8443:3306-api-service-db-redis-mongo-postgres-kafka"
    b'.example.com:443"dns://udp://.default.monitoring.kube-system.prod:6379:27017:5432:80:8080.svc.cluster.local:443"'
    b'.svc.cluster.local:8080"{"list":"deny","target":"https://","outcome":"open","expect":"alive","verdict":"pass"},'
    b'{"list":"allow","target":"tcp://10.","outcome":"open","expect":"reachable","verdict":"pass"},'
    b'{"list":"deny","target":"tcp://","outcome":"silent","expect":"blocked","verdict":"pass"},'
)


class UnreadableError(ValueError):
    """A text that is no report of this version; the message says why."""


def shorten(report: Report) -> str:
    """Write the short form: complete JSON of at most LARGEST bytes, whatever is cut."""
    head = _head(report)
    checks = sorted(report.checks, key=lambda check: _ORDER[check.finding])
    findings = [check for check in checks if check.finding][:_MOST_SHOWN]
    readable = [{**_cut(_row(check, _READABLE)), "target": check.target} for check in findings]
    rows = [_row(check, _PACKED) for check in checks[:_MOST_PACKED]]

    def message(shown: int, held: int) -> bytes:
        """Show the first checks, pack those after them, and leave the rest out."""
        left_out = {"leftOut": len(checks) - held, "packed": _pack(rows[shown:held])}
        return _compact({**head, "checks": readable[:shown], **left_out})

    shown, held = len(readable), len(rows)
    while shown > _FEWEST_SHOWN and len(message(shown, held)) > LARGEST:
        shown -= 1
    while len(message(shown, shown)) > LARGEST:
        shown -= 1
    while len(text := message(shown, held)) > LARGEST:
        held = shown + (held - shown) * 9 // 10
    return text.decode()


def read(text: str) -> Report:
    """Read a report, full or short. Raises UnreadableError."""
    try:
        value = json.loads(text)
    except ValueError:
        raise UnreadableError("it is not JSON") from None
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    if not isinstance(value, dict) or "version" not in value or "verdict" not in value:
        raise UnreadableError("it is not a report of netproof")
    if value["version"] != VERSION:
        raise UnreadableError(f"it has version {value['version']!r:.20}; this netproof reads version {VERSION}")
    try:
        report = msgspec.convert(value, Report)
        checks = _unpack(report.packed) if report.packed else ()
    except (ValueError, RecursionError, zlib.error) as error:
        raise UnreadableError(f"it is damaged: {error}") from None
    return msgspec.structs.replace(report, checks=(*report.checks, *checks), packed=msgspec.UNSET)


def _head(report: Report) -> dict[str, Any]:
    """Return all but the checks, with every text cut, in at most _LARGEST_HEAD bytes."""
    whole = document(msgspec.structs.replace(report, checks=()))
    head = {key: _cut(whole[key]) for key in _FIRST + _THEN}
    if len(_compact(head["vantage"]["labels"])) > _LARGEST_LABELS:
        head["vantage"]["labels"] = {}
    while len(_compact(head)) > _LARGEST_HEAD:
        (head["channels"] or head["error"]["problems"]).pop()
    return head


def _row(check: Check, keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(check, key))}


def _pack(rows: Sequence[dict[str, Any]]) -> str:
    deflate = zlib.compressobj(9, wbits=-15, memLevel=9, zdict=_DICTIONARY)
    text = json.dumps(rows, separators=(",", ":")).encode()
    return base64.b85encode(deflate.compress(text) + deflate.flush()).decode() if rows else ""


def _unpack(packed: str) -> tuple[Check, ...]:
    """Raise ValueError, RecursionError or zlib.error."""
    inflate = zlib.decompressobj(wbits=-15, zdict=_DICTIONARY)
    text = inflate.decompress(base64.b85decode(packed), _LARGEST_UNPACKED)
    if not inflate.eof:
        raise ValueError("its checks are cut off, or too many")
    return msgspec.convert(json.loads(text), tuple[Check, ...])


def _compact(value: Any) -> bytes:
    return harmless(json.dumps(value, separators=(",", ":"), ensure_ascii=False)).encode()


def _cut(value: Any) -> Any:
    """Shorten the lists and texts in a value."""
    if isinstance(value, dict):
        return {_cut(key): _cut(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each) for each in value[:_LONGEST_LIST]]
    if not isinstance(value, str) or len(_compact(value)) <= _LONGEST_TEXT:
        return value
    text = value[:_LONGEST_TEXT]
    while len(_compact(f"{text}…")) > _LONGEST_TEXT:
        text = text[:-1]
    return f"{text}…"
