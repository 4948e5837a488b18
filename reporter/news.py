"""Who hears what, and when: what is new or worse, what lasts, what is over, for each channel by itself.

A channel hears of everything at least once: what it did not take is sent again. It waits until no Job runs, so that
what happens at once is one message, but not for long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from checker.words import seconds
from reporter.history import Failing, Finding, Heard, State
from reporter.judge import finding as value

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        message = _message(channel, mine, state, situation, settings, now)
        if message and state.claims.get(channel, 0) <= now:
            messages.append(message)
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


def _message(
    channel: str, findings: dict[str, Finding], state: State, situation: Situation, settings: Settings, now: int
) -> Message | None:
    groups: dict[str, list[str]] = {"new": [], "still": [], "over": [], "notChecked": []}
    remind, began = False, now
    for key, each in findings.items():
        heard = each.heard.get(channel)
        if each.ended and heard and heard.ended:
            continue
        if each.ended:
            groups["notChecked" if each.gone else "over"].append(key)
            began = min(began, each.ended)
        elif heard is None or heard.ended or each.worse > heard.worse:
            groups["new"].append(key)
            began = min(began, each.since if heard is None else each.seen)
        else:
            groups["still"].append(key)
            remind = remind or now - heard.at >= seconds(settings.remind_every)
    changed = groups["new"] or groups["over"] or groups["notChecked"]
    if not (changed or remind):
        return None
    if not remind and situation.running and now - began < seconds(settings.group_within):
        return None
    document = {
        "kind": "situation",
        "version": VERSION,
        "time": situation.at.isoformat(),
        **{group: [_item(key, findings[key], settings) for key in keys] for group, keys in groups.items()},
        "undelivered": [msgspec.to_builtins(each) for each in situation.undelivered if each.channel != channel],
        "warnings": [f"cannot be read: {each}" for each in situation.unreadable[:5]],
        "notify": {"runbookUrl": settings.runbook_url or None},
    }
    heard_then = {
        key: Heard(now, bool(findings[key].ended), findings[key].worse) for keys in groups.values() for key in keys
    }
    return Message(channel, document, heard_then)


def _item(key: str, known: Finding, settings: Settings) -> dict[str, Any]:
    """Write a finding as notifications reads it."""
    each = value(key, known)
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
