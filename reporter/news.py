"""Which channel is notified of what, and when: what is new or worse, what lasts, what has ended.

A channel is notified of everything at least once: what it did not take is sent again. A message waits until no Job
runs, so that what happens at once is one message, but not longer than `groupWithin`. The summary is sent
by the calendar.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.words import seconds
from notifications.deliver import Attachment
from notifications.render import VERSION
from reporter.findings import Finding, findings
from reporter.history import Channel, Episode, State
from reporter.page import page
from reporter.schedule import due as next_after
from reporter.settings import Settings
from reporter.situation import Situation, utc

_LONGEST_PAUSE = 300  # seconds between two attempts to reach a channel
CLAIM = 60  # seconds that one reporter has for sending, before another may
_GROUPS = ("new", "still", "over", "notChecked")

Groups = Mapping[str, Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Message:
    """The next message of a channel: the document, and what the channel is notified of with it, by finding."""

    channel: str
    document: dict[str, Any]
    notified: dict[str, set[Episode]]


def due(state: State, situation: Situation, channels: Collection[str]) -> list[Message]:
    """Collect what is due now."""
    messages, settings, now = [], situation.settings, situation.at
    found = findings(state.vantages.values())
    for name in channels:
        channel = state.channels.setdefault(name, Channel())
        if 0 < channel.until - now <= _LONGEST_PAUSE:  # a later time is of a clock that was wrong
            continue
        mine = {key: each for key, each in found.items() if _concerns(name, each, state)}
        groups, changed = defaultdict[str, list[Finding]](list), []
        for key, finding in mine.items():
            before = channel.notified.get(key, set())
            fresh = finding.lasting - before
            if finding.ended and not fresh:
                continue
            shown = replace(finding, episodes=fresh) if finding.ended else finding
            group = _group(shown, before, fresh)
            groups[group].append(shown)
            if group != "still":
                changed += [each.until or each.since for each in fresh]
        waits = situation.running and 0 <= now - min(changed, default=now) < seconds(settings.group_within)
        remind = groups["still"] and abs(now - channel.at) >= seconds(settings.remind_every)
        if remind or (changed and not waits):
            notified = {key: finding.episodes for key, finding in mine.items()}
            messages.append(Message(name, document(groups, situation), notified))
    return messages


def sent(state: State, message: Message, reason: str | None, now: int) -> None:
    """Note what became of a message: delivered, or the reason why not."""
    if reason is None:
        state.channels[message.channel] = Channel(now, message.notified)
        return
    channel = state.channels.setdefault(message.channel, Channel())
    channel.failing, channel.reason = channel.failing or now, reason
    channel.until = now + min(_LONGEST_PAUSE, (now - channel.failing) // 2)


def settle(state: State, channels: Collection[str]) -> None:
    """Forget what has ended and what every channel was notified of, and the channels that no longer exist."""
    state.channels = {name: state.channels.get(name, Channel()) for name in channels}
    found = findings(state.vantages.values())
    for key, each in list(found.items()):
        concerned = [channel for name, channel in state.channels.items() if _concerns(name, each, state)]
        if each.ended and all(each.episodes <= channel.notified.get(key, set()) for channel in concerned):
            del found[key]
            for check in each.checks:
                del check.findings[each.kind]
    for channel in state.channels.values():
        channel.notified = {key: episodes for key, episodes in channel.notified.items() if key in found}


def document(groups: Groups, situation: Situation) -> dict[str, Any]:
    """Write findings, grouped by what changed, as a document for notifications."""
    return {
        "kind": "situation",
        "version": VERSION,
        "time": utc(situation.at).isoformat(),
        **{name: [_item(each, situation.settings) for each in groups.get(name, ())] for name in _GROUPS},
        "undelivered": [
            {"channel": name, "since": utc(each.failing).isoformat(), "reason": each.reason}
            for name, each in situation.failing.items()
        ],
        "warnings": [f"cannot be read: {each}" for each in situation.unreadable[:5]],
        "notify": {"runbookUrl": situation.settings.runbook_url or None},
    }


def summary_is_due(state: State, situation: Situation) -> bool:
    """Whether it is the time of the summary. The first one waits for its time, too."""
    schedule, now = situation.settings.digest, situation.at
    state.digest = min(state.digest or now, now) if schedule else 0
    return bool(schedule) and next_after(schedule, state.digest) <= now


def summary(situation: Situation) -> tuple[dict[str, Any], Attachment]:
    """Write the summary: a document with every open finding and the numbers, and the page."""
    states = Counter(check.state for check in situation.checks)
    proven = Counter(check.proven for check in situation.checks)
    counts = ", ".join(f"{states[name]} {name}" for name in ("pass", "violation", "inconclusive") if states[name])
    numbers = (
        f"{len(situation.vantages)} vantages, {len(situation.checks)} checks: {counts or 'none'}; "
        f"{proven[True]} of {proven[True] + proven[False]} blocked targets proven"
    )
    attached = Attachment(f"netproof-{utc(situation.at):%Y-%m-%d}.html", page(situation))
    return {**document({"still": situation.findings}, situation), "summary": numbers}, attached


def _concerns(channel: str, finding: Finding, state: State) -> bool:
    """Whether a vantage that sees or saw the finding names the channel, or names none."""
    named = (state.vantages[each.place].listed.channels for each in finding.episodes)
    return any(not names or channel in names for names in named)


def _group(finding: Finding, before: set[Episode], fresh: set[Episode]) -> str:
    """Return what changed since the channel was last notified of a finding.

    A finding is new, too, where it is back: where a check has passed since it began.
    """
    if finding.ended:
        return "notChecked" if finding.gone else "over"
    since = min((each.since for each in before if not each.until), default=-1)
    back = (check.passed > since for check in finding.checks if check.findings[finding.kind] in fresh)
    return "new" if any(back) else "still"


def _item(finding: Finding, settings: Settings) -> dict[str, Any]:
    check, place = finding.check, {"cluster": settings.cluster or None}
    return {
        "finding": finding.kind,
        "list": check.list or None,
        "target": check.target,
        "name": check.name,
        "because": check.because,
        "seen": finding.evidence,
        "since": utc(finding.since).isoformat(),
        "until": utc(finding.ended).isoformat() if finding.ended else None,
        "places": [{**place, "namespace": namespace, "vantage": name} for namespace, name in finding.seen_from],
    }
