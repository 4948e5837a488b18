"""Which channel is notified of what, and when: what is new or worse, what lasts, what has ended.

A channel is notified of everything at least once: what it did not take is sent again. A message waits until no Job
runs, so that what happens at once is one message, but not longer than `groupWithin`. The summary is sent
by the calendar.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checker.words import seconds
from notifications.deliver import Attachment
from notifications.render import VERSION
from reporter.history import Failing, Finding, Notified, State
from reporter.page import page
from reporter.schedule import due as next_after
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
    notified: dict[str, Notified]


def due(state: State, situation: Situation, channels: Iterable[str]) -> list[Message]:
    """Collect what is due now."""
    messages, settings, now = [], situation.settings, situation.at
    for channel in channels:
        if 0 < state.claims.get(channel, 0) - now <= _LONGEST_PAUSE:  # a later time is of a clock that was wrong
            continue
        mine = {key: each for key, each in state.findings.items() if _concerns(channel, each, state)}
        groups = {name: [each for each in mine.values() if _group(each, channel) == name] for name in _GROUPS}
        changed = [*groups["new"], *groups["over"], *groups["notChecked"]]
        began = min((each.ended or each.changed for each in changed), default=now)
        waits = situation.running and 0 <= now - began < seconds(settings.group_within)
        unsure = channel in state.claims  # it failed, or what was sent was not noted: it may know something old
        times = [each.notified[channel].at for each in groups["still"]]
        remind = any(unsure or abs(now - time) >= seconds(settings.remind_every) for time in times)
        if remind or (changed and not waits):
            notified = {key: Notified(now, bool(each.ended), each.worse) for key, each in mine.items()}
            messages.append(Message(channel, document(groups, situation), notified))
    return messages


def sent(state: State, message: Message, reason: str | None, now: int) -> None:
    """Note what became of a message: delivered, or the reason why not."""
    state.claims.pop(message.channel, None)
    failing = state.failing.pop(message.channel, Failing(now, ""))
    if reason is not None:
        state.failing[message.channel] = Failing(failing.since, reason)
        state.claims[message.channel] = now + min(_LONGEST_PAUSE, (now - failing.since) // 2)
        return
    for key, notified in message.notified.items():
        if key in state.findings:
            state.findings[key].notified[message.channel] = notified


def settle(state: State, channels: Iterable[str]) -> None:
    """Forget what has ended and what every channel was notified of."""
    names = list(channels)
    for key, each in list(state.findings.items()):
        concerned = [name for name in names if _concerns(name, each, state)]
        if each.ended and all(name in each.notified and each.notified[name].ended for name in concerned):
            del state.findings[key]
    for name in state.failing.keys() - set(names):
        del state.failing[name]


def document(groups: Groups, situation: Situation) -> dict[str, Any]:
    """Write findings, grouped by what changed, as a document for notifications."""
    return {
        "kind": "situation",
        "version": VERSION,
        "time": utc(situation.at).isoformat(),
        **{
            group: [_item(each, situation.settings.cluster or None) for each in findings]
            for group, findings in groups.items()
        },
        "undelivered": [
            {"channel": name, "since": utc(each.since).isoformat(), "reason": each.reason}
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
    states, proven = (Counter(getattr(check, name) for check in situation.checks) for name in ("state", "proven"))
    counts = ", ".join(f"{states[name]} {name}" for name in ("pass", "violation", "inconclusive") if states[name])
    numbers = (
        f"{len(situation.vantages)} vantages, {len(situation.checks)} checks: {counts or 'none'}; "
        f"{proven[True]} of {proven[True] + proven[False]} blocked targets proven"
    )
    attached = Attachment(f"netproof-{utc(situation.at):%Y-%m-%d}.html", page(situation))
    return {**document({"still": situation.findings}, situation), "summary": numbers}, attached


def _concerns(channel: str, finding: Finding, state: State) -> bool:
    """Whether a vantage that sees or saw the finding names the channel, or names none."""
    named = (state.vantages[place].listed.channels if place in state.vantages else () for place in finding.places)
    return any(not names or channel in names for names in named)


def _group(finding: Finding, channel: str) -> str | None:
    """Return what changed since the channel was last notified of a finding; None: it was notified of the end."""
    before = finding.notified.get(channel)
    if finding.ended:
        return None if before and before.ended else "notChecked" if finding.gone else "over"
    return "still" if before and not before.ended and finding.worse <= before.worse else "new"


def _item(finding: Finding, cluster: str | None) -> dict[str, Any]:
    return {
        "finding": finding.kind,
        "list": finding.list or None,
        "target": finding.target,
        "name": finding.name,
        "because": finding.because,
        "seen": finding.evidence,
        "since": utc(finding.since).isoformat(),
        "until": utc(finding.ended).isoformat() if finding.ended else None,
        "places": [{"cluster": cluster, "namespace": place[0], "vantage": place[1]} for place in finding.seen_from],
    }
