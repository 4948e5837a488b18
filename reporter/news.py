"""Who hears what, and when: what is new or worse, what lasts, what is over, for each channel by itself.

A channel hears of everything at least once: what it did not take is sent again. It waits until no Job runs, so that
what happens at once is one message, but not for long.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from checker.words import seconds
from reporter.history import Failing, Finding, Heard, State
from reporter.judge import finding as value
from reporter.settings import Settings
from reporter.situation import Situation

VERSION = 2  # of the documents that notifications renders
_LONGEST_PAUSE = 300  # seconds between two tries of a channel that fails
CLAIM = 60  # seconds that one reporter has for sending, before another may


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel hears next: the document, and by finding what it knows when it has heard it."""

    channel: str
    document: dict[str, Any]
    heard: dict[str, Heard] = field(default_factory=dict)


def due(state: State, situation: Situation, settings: Settings, channels: Iterable[str], now: int) -> list[Message]:
    """Collect what is due now. `now` is in seconds since the epoch."""
    listed = {f"{each.namespace}/{settings.release}/{each.name}": each.channels for each in settings.vantages}
    messages = []
    for channel in channels:
        failing = state.failing.get(channel)
        if failing and now < failing.last + min(_LONGEST_PAUSE, (failing.last - failing.since) // 2):
            continue
        mine = {key: each for key, each in state.findings.items() if _hears(channel, each, listed)}
        changes = _changes(channel, mine, settings, now)
        patient = situation.running and now - changes.began < seconds(settings.group_within)
        free = state.claims.get(channel, 0) <= now
        if free and (changes.remind or (changes.any and not patient)):
            heard = {key: Heard(now, bool(each.ended), each.worse) for key, each in mine.items()}
            messages.append(Message(channel, documented(channel, mine, changes.groups, situation, settings), heard))
    return messages


def sent(state: State, message: Message, reason: str | None, now: int) -> None:
    """Note what became of a message: taken, or the reason why not."""
    state.claims.pop(message.channel, None)
    if reason is not None:
        failing = state.failing.get(message.channel)
        state.failing[message.channel] = Failing(failing.since if failing else now, now, reason)
        return
    state.failing.pop(message.channel, None)
    for key, heard in message.heard.items():
        if key in state.findings:
            state.findings[key].heard[message.channel] = heard


def settle(state: State, settings: Settings, channels: Iterable[str]) -> None:
    """Forget what is over and what every channel has heard of."""
    listed = {f"{each.namespace}/{settings.release}/{each.name}": each.channels for each in settings.vantages}
    names = list(channels)
    for key, each in list(state.findings.items()):
        hearing = [name for name in names if _hears(name, each, listed)]
        if each.ended and all(name in each.heard and each.heard[name].ended for name in hearing):
            del state.findings[key]
    for name in state.failing.keys() - set(names):
        del state.failing[name]


def _hears(channel: str, finding: Finding, listed: dict[str, tuple[str, ...]]) -> bool:
    """Whether a vantage that sees or saw the finding names the channel, or names none."""
    return any(not (names := listed.get(place, ())) or channel in names for place in finding.were)


@dataclass
class _Changes:
    """What a channel has not heard yet, by finding, and since when."""

    began: int
    groups: dict[str, list[str]]
    remind: bool = False

    @property
    def any(self) -> bool:
        return any(keys for group, keys in self.groups.items() if group != "still")


def _changes(channel: str, findings: dict[str, Finding], settings: Settings, now: int) -> _Changes:
    found = _Changes(now, {"new": [], "still": [], "over": [], "notChecked": []})
    for key, each in findings.items():
        heard = each.heard.get(channel)
        if each.ended and heard and heard.ended:
            continue
        if each.ended:
            found.groups["notChecked" if each.gone else "over"].append(key)
            found.began = min(found.began, each.ended)
        elif heard is None or heard.ended or each.worse > heard.worse:
            found.groups["new"].append(key)
            found.began = min(found.began, each.since if heard is None else each.seen)
        else:
            found.groups["still"].append(key)
            found.remind = found.remind or now - heard.at >= seconds(settings.remind_every)
    return found


def documented(
    channel: str, findings: dict[str, Finding], groups: dict[str, list[str]], situation: Situation, settings: Settings
) -> dict[str, Any]:
    """Write findings, grouped by what is new about them, as a document for notifications."""
    return {
        "kind": "situation",
        "version": VERSION,
        "time": situation.at.isoformat(),
        **{group: [_item(key, findings[key], situation, settings) for key in keys] for group, keys in groups.items()},
        "undelivered": [msgspec.to_builtins(each) for each in situation.undelivered if each.channel != channel],
        "warnings": [f"cannot be read: {each}" for each in situation.unreadable[:5]],
        "notify": {"runbookUrl": settings.runbook_url or None},
    }


def _item(key: str, known: Finding, situation: Situation, settings: Settings) -> dict[str, Any]:
    """Write a finding as notifications reads it."""
    each = value(key, known, int(situation.at.timestamp()))
    return {
        "finding": each.kind,
        "list": each.list,
        "target": each.target,
        "name": each.name,
        "because": each.because,
        "seen": each.text,
        "since": each.since.isoformat(),
        "until": each.ended.isoformat() if each.ended else None,
        "places": [
            {"cluster": settings.cluster or None, "namespace": place.namespace, "vantage": place.vantage}
            for place in each.places
        ],
    }
