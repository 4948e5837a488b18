"""The termination message: the report of a run in the 4,096 bytes that Kubernetes keeps of it.

`kubectl describe pod` shows it, so what a person needs stands first and is plain text: the verdict, the vantage and
the findings. All other checks follow in `packed`: a line each (see `_row`), deflated (RFC 1951) and in base 85. What
does not fit is counted in `leftOut`; a reader must not take a missing check for one that passes.
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

import base64
import json
import zlib
from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from checker.model import Expect, Finding, Outcome, Verdict
from checker.report import VERSION, Check, Report, document, harmless

LARGEST = 4096
_LARGEST_HEAD = 2600
_LARGEST_UNPACKED = 1_000_000  # bytes
_LONGEST_TEXT = 160  # bytes of one text
_MOST_SHOWN, _MOST_PACKED = 40, 3000  # checks
_WHAT = ("kind", "version", "verdict", "exitCode", "summary", "stopped", "error", "channels")
_WHERE = ("vantage", "started", "duration", "netproof")
_TEXTS = ("finding", "list", "target", "name", "outcome", "seen", "because", "controls", "expect", "verdict", "exempt")
_EXPECTS, _VERDICTS, _OUTCOMES = tuple(Expect), tuple(Verdict), tuple(Outcome)
_EXEMPT = 4  # in place of an expectation: blocked, and nobody may reach it
_ORDER = {Finding.LEAK: 0, Finding.UNREACHABLE: 1, Finding.INCONCLUSIVE: 2, None: 3}
# What targets are made of, the most frequent last (zlib's advice).
_DICTIONARY = (
    b".example.com:443\t.internal:9092:15672:50051:2379:10250:6443:9200:11211:4222:5672:25:53:22:3000:9090:8443:3306"
    b"https://api-dns://udp://-service-db-redis-mongo-postgres-kafka.default.monitoring.kube-system.prod:6379"
    b":27017:5432:80:8080.svc.cluster.local:443.svc.cluster.local:8080.svc:443\n0a0https://\n0a4tcp://10.\n1a4tcp://"
)


class UnreadableError(ValueError):
    """A text that is no report of this version; the message says why."""


def shorten(report: Report) -> str:
    """Write the short form: complete JSON of at most LARGEST bytes, whatever is cut."""
    head = _head(report)
    checks = sorted(report.checks, key=lambda check: _ORDER[check.finding])
    rows = [_row(check) for check in checks[:_MOST_PACKED]]
    found = sum(check.finding is not None for check in checks)
    readable = [_shown(check) for check in checks[: min(found, _MOST_SHOWN)]]

    def message(shown: int, held: int) -> bytes | None:
        """Show the first checks, pack those after them, and leave the rest out. None if that is too long."""
        left_out = {"leftOut": len(checks) - held, "packed": _pack(rows[shown:held])}
        text = _compact({**head, "checks": readable[:shown], **left_out})
        return text if len(text) <= LARGEST else None

    for shown in range(len(readable), min(found, 3) - 1, -1):
        if len(rows) == len(checks) and (whole := message(shown, len(checks))):
            return whole.decode()
    shown = next(shown for shown in range(min(found, 3), -1, -1) if message(shown, shown))
    held = range(shown, len(rows) + 1)
    longest = held[bisect(held, False, key=lambda held: message(shown, held) is None) - 1]
    return (message(shown, longest) or b"").decode()


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
        if not isinstance(report.packed, str):
            return report
        checks = (*report.checks, *_unpack(report.packed))
    except (msgspec.ValidationError, ValueError, IndexError, zlib.error) as error:
        raise UnreadableError(f"it is damaged: {error}") from None
    return msgspec.structs.replace(report, checks=checks, packed=msgspec.UNSET)


def _head(report: Report) -> dict[str, Any]:
    """Give all but the checks, with every text cut, in at most _LARGEST_HEAD bytes."""
    whole = document(msgspec.structs.replace(report, checks=()))
    head: dict[str, Any] = {key: _shortened(whole[key]) for key in _WHAT + _WHERE}
    if len(_compact(head["vantage"]["labels"])) > LARGEST // 4:
        head["vantage"]["labels"] = {}
    if head["error"]:
        head["error"]["problems"] = head["error"]["problems"][:8]
    while len(_compact(head)) > _LARGEST_HEAD:
        (head["channels"] or head["error"]["problems"]).pop()
    return head


def _shown(check: Check) -> dict[str, Any]:
    texts = {key: _shortened(getattr(check, key)) for key in _TEXTS}
    return {key: text for key, text in texts.items() if text}


def _row(check: Check) -> str:
    """Write a check as `<expect><verdict><outcome>target`, then lag and controls, behind tabs. Digits count values."""
    outcome = "-" if check.outcome is None else str(_OUTCOMES.index(check.outcome))
    kind = _EXEMPT if check.exempt else _EXPECTS.index(check.expect) + (5 if check.proxied else 0)
    extras = ["" if check.lag is None else f"{check.lag:g}", *check.controls] if check.lag or check.controls else []
    words = [f"{kind}{'abc'[_VERDICTS.index(check.verdict)]}{outcome}{check.target}", *extras]
    return "\t".join(" ".join(word.split()) for word in words)


@lru_cache(50_000)  # who reads the runs of many vantages meets the same rows again and again
def _check(row: str) -> Check:
    first, *extras = row.split("\t")
    kind, verdict = int(first[0]), _VERDICTS["abc".index(first[1])]
    expect = Expect.BLOCKED if kind == _EXEMPT else _EXPECTS[kind % 5]
    return Check(
        list="allow" if expect is Expect.REACHABLE else "deny",
        target=first[3:],
        expect=expect,
        verdict=verdict,
        finding=Finding.of(expect, verdict),
        outcome=None if first[2] == "-" else _OUTCOMES[int(first[2])],
        proxied=kind >= 5,
        exempt=kind == _EXEMPT,
        lag=float(extras[0]) if extras and extras[0] else None,
        controls=tuple(extras[1:]),
    )


def _pack(rows: Sequence[str]) -> str:
    text = "\n".join(rows).encode("utf-8", "replace")
    deflate = zlib.compressobj(9, wbits=-15, memLevel=9, zdict=_DICTIONARY)
    return base64.b85encode(deflate.compress(text) + deflate.flush()).decode() if text else ""


def _unpack(packed: str) -> list[Check]:
    if not packed:
        return []
    inflate = zlib.decompressobj(wbits=-15, zdict=_DICTIONARY)
    rows = inflate.decompress(base64.b85decode(packed), _LARGEST_UNPACKED)
    if not inflate.eof:
        raise ValueError("its checks are cut off, or too many")
    return [_check(row) for row in rows.decode().split("\n")]


def _compact(value: Any) -> bytes:
    return harmless(json.dumps(value, separators=(",", ":"), ensure_ascii=False)).encode()


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {_shortened(key): _shortened(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(each) for each in value]
    if not isinstance(value, str) or len(_compact(value)) <= _LONGEST_TEXT:
        return value
    fits = bisect(range(len(value)), _LONGEST_TEXT, key=lambda length: len(_compact(f"{value[:length]}…")))
    return f"{value[: fits - 1]}…"
